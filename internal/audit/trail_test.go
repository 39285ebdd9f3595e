package audit

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC)

func newTrail(t *testing.T) (*Trail, *tables, *bucket) {
	d, b := newTables(t), newBucket(t)
	return &Trail{Database: d, Table: "audit", Heads: "audit-heads", Store: b, Bucket: "backups", Now: func() time.Time { return noon }}, d, b
}

func entry(n int) Entry {
	return Entry{
		Stream: Platform, ID: uuid.NewSHA1(namespace, fmt.Append(nil, n)).String(), Event: VaultBackupCompleted, UserID: "rule/nightly",
		ActorARN: Unverified, Severity: Info, Details: jsontext.Value(fmt.Sprintf(`{"slot": "backups/2026-11-24", "n": %d}`, n)),
	}
}

func fill(t *testing.T, trail *Trail, n int) []Record {
	t.Helper()
	var out []Record
	for i := range n {
		r, err := trail.Append(context.Background(), entry(i))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func wantIntact(t *testing.T, trail *Trail, records int64) {
	t.Helper()
	report, err := trail.Verify(context.Background(), Platform)
	if err != nil || !report.Intact() || report.Records != records {
		t.Errorf("Verify = %+v, %v; want %d records and no break", report, err, records)
	}
}

func TestAppendChainsRecords(t *testing.T) {
	trail, d, b := newTrail(t)
	records := fill(t, trail, 8)
	wantIntact(t, trail, 8)
	for i, r := range records {
		if r.Seq != int64(i+1) {
			t.Errorf("record %d has seq %d", i, r.Seq)
		}
		stored := d.record(Platform, r.Seq)
		body := stored["body"].(*types.AttributeValueMemberS).Value
		key := fmt.Sprintf("audit/records/platform/%012d.json", r.Seq)
		if string(b.objects[key]) != body {
			t.Errorf("%s is not a copy of the body", key)
		}
		if until := b.locked[key]; !until.Equal(noon.Truncate(time.Second).AddDate(0, 0, 400)) {
			t.Errorf("%s is locked until %v", key, until)
		}
	}
	const first = `{"stream":"platform","seq":1,"id":"72aaf61d-c20a-5b20-bac8-ec6a18588269","event":"vault_backup_completed","tenant_id":"","user_id":"rule/nightly","actor_arn":"unverified","timestamp":"2026-11-24T12:00:00Z","severity":"info","ip_address":"","details":{"n":0,"slot":"backups/2026-11-24"},"prev_hash":""}`
	if got := string(b.objects["audit/records/platform/000000000001.json"]); got != first {
		t.Errorf("the first body is\n%s\nwant\n%s", got, first)
	}
}

func TestStreamsAreApart(t *testing.T) {
	trail, _, _ := newTrail(t)
	fill(t, trail, 2)
	e := entry(9)
	e.Stream, e.TenantID = "acme", "acme"
	if r, err := trail.Append(context.Background(), e); err != nil || r.Seq != 1 || r.PrevHash != "" {
		t.Errorf("Append = %+v, %v; want the first record of its own stream", r, err)
	}
	wantIntact(t, trail, 2)
}

func TestFiftyWritersOnOneStream(t *testing.T) {
	trail, _, _ := newTrail(t)
	var writers sync.WaitGroup
	for i := range 50 {
		writers.Go(func() {
			_, err := trail.Append(context.Background(), entry(i))
			for fault.Is(err, fault.AuditContended) { // as the Retry block does
				_, err = trail.Append(context.Background(), entry(i))
			}
			if err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	writers.Wait()
	wantIntact(t, trail, 50)
}

func TestTheSameEntryTwiceIsOneRecord(t *testing.T) {
	trail, _, _ := newTrail(t)
	first := fill(t, trail, 3)[1]
	trail.Now = func() time.Time { return noon.Add(time.Hour) }
	again := entry(1)
	again.Details = jsontext.Value(`{"n":1,"slot":"backups/2026-11-24"}`) // other order and white space
	r, err := trail.Append(context.Background(), again)
	if err != nil || r.Seq != first.Seq || !r.Timestamp.Equal(first.Timestamp) {
		t.Errorf("Append = %+v, %v; want the existing %+v", r, err, first)
	}
	wantIntact(t, trail, 3)
}

func TestAnAnswerThatIsLost(t *testing.T) {
	trail, d, b := newTrail(t)
	fill(t, trail, 1)
	d.after = func() error { return context.DeadlineExceeded } // it took effect, the client saw a time-out
	_, err := trail.Append(context.Background(), entry(7))
	if !fault.Is(err, fault.AWSUnavailable) {
		t.Fatalf("Append = %v, want AWSUnavailable", err)
	}
	if len(b.objects) != 1 {
		t.Errorf("%d copies, want the first record's alone", len(b.objects))
	}
	d.after = nil
	trail.Now = func() time.Time { return noon.Add(time.Minute) }
	if r, err := trail.Append(context.Background(), entry(7)); err != nil || r.Seq != 2 {
		t.Errorf("Append again = %+v, %v; want record 2", r, err)
	}
	if len(b.objects) != 2 {
		t.Error("the second attempt left the copy out")
	}
	wantIntact(t, trail, 2)
}

// TestARetryInsideTheClient: the SDK sends the transaction again itself and is told that its conditions fail.
func TestARetryInsideTheClient(t *testing.T) {
	trail, d, _ := newTrail(t)
	fill(t, trail, 1)
	failed := types.CancellationReason{Code: aws.String("ConditionalCheckFailed")}
	d.after = func() error {
		d.after = nil
		return &types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{failed, failed, failed}}
	}
	if r, err := trail.Append(context.Background(), entry(7)); err != nil || r.Seq != 2 {
		t.Errorf("Append = %+v, %v; want record 2", r, err)
	}
	wantIntact(t, trail, 2)
}

func TestOtherContentUnderTheSameID(t *testing.T) {
	for name, change := range map[string]func(*Entry){
		"details":  func(e *Entry) { e.Details = jsontext.Value(`{"slot":"backups/2026-11-25","n":1}`) },
		"user":     func(e *Entry) { e.UserID = "mallory" },
		"tenant":   func(e *Entry) { e.TenantID = "acme" },
		"stream":   func(e *Entry) { e.Stream = "acme" },
		"event":    func(e *Entry) { e.Event, e.Severity = VaultBackupFailed, Critical },
		"actor":    func(e *Entry) { e.ActorARN = "arn:aws:iam::123456789012:user/m" },
		"address":  func(e *Entry) { e.IPAddress = "192.0.2.1" },
		"no field": func(e *Entry) { e.Details = jsontext.Value(`{}`) },
	} {
		t.Run(name, func(t *testing.T) {
			trail, _, _ := newTrail(t)
			fill(t, trail, 3)
			e := entry(1)
			change(&e)
			if _, err := trail.Append(context.Background(), e); !fault.Is(err, fault.AuditConflict) {
				t.Errorf("Append = %v, want AuditConflict", err)
			}
			wantIntact(t, trail, 3)
		})
	}
}

func TestTamperedTablesAreNotWrittenOn(t *testing.T) {
	for name, tamper := range map[string]func(*tables){
		"a record beyond the head": func(d *tables) {
			d.items["audit"]["Splatform|N4"] = item{"stream": text(Platform), "seq": number(4), "body": text("{}")}
		},
		"a head that is none": func(d *tables) { d.items["audit-heads"]["Splatform"]["seq"] = text("3") },
		"a marker without a record": func(d *tables) {
			d.items["audit"]["Sid#"+entry(7).ID+"|N0"] = item{"record_stream": text(Platform), "record_seq": number(9)}
		},
		"a marker that points nowhere": func(d *tables) { d.items["audit"]["Sid#"+entry(7).ID+"|N0"] = item{"seq": number(0)} },
		"a marker of another record": func(d *tables) {
			d.items["audit"]["Sid#"+entry(7).ID+"|N0"] = item{"record_stream": text(Platform), "record_seq": number(1)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			trail, d, b := newTrail(t)
			fill(t, trail, 3)
			tamper(d)
			if _, err := trail.Append(context.Background(), entry(7)); !fault.Is(err, fault.AuditConflict) {
				t.Errorf("Append = %v, want AuditConflict", err)
			}
			if len(b.objects) != 3 {
				t.Errorf("%d copies, want 3", len(b.objects))
			}
		})
	}
}

func TestRefusalsOfTheTable(t *testing.T) {
	reason := func(code string) error {
		return &types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{{Code: aws.String("None")}, {Code: aws.String("None")}, {Code: &code}}}
	}
	for name, tt := range map[string]struct {
		err  error
		want fault.Name
	}{
		"head always moved":     {reason("ConditionalCheckFailed"), fault.AuditContended},
		"transactions conflict": {reason("TransactionConflict"), fault.AuditContended},
		"throttled inside":      {reason("ThrottlingError"), fault.AWSUnavailable},
		"throughput inside":     {reason("ProvisionedThroughputExceeded"), fault.AWSUnavailable},
		"too large":             {reason("ValidationError"), fault.AWSRefused},
		"throttled":             {answered(400, "ThrottlingException"), fault.AWSUnavailable},
		"server error":          {answered(500, "InternalServerError"), fault.AWSUnavailable},
		"no permission":         {answered(400, "AccessDeniedException"), fault.AWSRefused},
		"no table":              {&types.ResourceNotFoundException{}, fault.AWSRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trail, d, _ := newTrail(t)
			fill(t, trail, 1)
			d.before = func() error { return tt.err }
			if _, err := trail.Append(context.Background(), entry(7)); !fault.Is(err, tt.want) {
				t.Errorf("Append = %v, want %s", err, tt.want)
			}
			wantIntact(t, trail, 1)
		})
	}
}

// TestAHeadWithTheSameSeq: the head's hash changes between reading and writing; the record must follow the head it
// replaces, not the one that was read.
func TestAHeadWithTheSameSeq(t *testing.T) {
	trail, d, _ := newTrail(t)
	fill(t, trail, 2)
	d.before = func() error {
		d.items["audit-heads"]["Splatform"]["hash"] = text(Hash("another"))
		d.before = nil
		return nil
	}
	if r, err := trail.Append(context.Background(), entry(7)); err != nil || r.Seq != 3 || r.PrevHash != Hash("another") {
		t.Errorf("Append = %+v, %v; want a record behind the head as it stood", r, err)
	}
}

func TestTimeIsUpWhileContended(t *testing.T) {
	trail, d, _ := newTrail(t)
	ctx, cancel := context.WithCancel(context.Background())
	d.before = func() error {
		cancel()
		return &types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{{}, {}, {Code: aws.String("TransactionConflict")}}}
	}
	if _, err := trail.Append(ctx, entry(1)); !fault.Is(err, fault.AWSUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("Append = %v, want AWSUnavailable for the context's end", err)
	}
}

func TestCopyIsWrittenOnce(t *testing.T) {
	trail, _, b := newTrail(t)
	b.fail = answered(http.StatusServiceUnavailable, "SlowDown")
	if _, err := trail.Append(context.Background(), entry(1)); !fault.Is(err, fault.AWSUnavailable) {
		t.Fatalf("Append = %v, want AWSUnavailable", err)
	}
	b.fail = nil
	for range 2 { // the first makes up for the copy, the second finds it
		if r, err := trail.Append(context.Background(), entry(1)); err != nil || r.Seq != 1 {
			t.Fatalf("Append = %+v, %v", r, err)
		}
	}
	key := CopyKey(Platform, 1)
	whole := b.objects[key]
	for name, other := range map[string][]byte{"shorter": whole[:20], "longer": append(whole[:len(whole):len(whole)], ' '), "empty": nil} {
		b.objects[key] = other
		if _, err := trail.Append(context.Background(), entry(1)); !fault.Is(err, fault.AuditConflict) {
			t.Errorf("%s copy: Append = %v, want AuditConflict", name, err)
		}
	}
	b.fail = answered(http.StatusForbidden, "AccessDenied")
	if _, err := trail.Append(context.Background(), entry(1)); !fault.Is(err, fault.AWSRefused) {
		t.Errorf("Append = %v, want AWSRefused", err)
	}
	wantIntact(t, trail, 1)
}

func TestEntriesThatBreakTheRules(t *testing.T) {
	for name, change := range map[string]func(*Entry){
		"stream of a marker":   func(e *Entry) { e.Stream = "id#x" },
		"stream with a slash":  func(e *Entry) { e.Stream = "a/../b" },
		"no id":                func(e *Entry) { e.ID = "" },
		"unknown event":        func(e *Entry) { e.Event = "vault_exploded" },
		"severity too low":     func(e *Entry) { e.Event = VaultBackupFailed },
		"no actor":             func(e *Entry) { e.ActorARN = "" },
		"details are a list":   func(e *Entry) { e.Details = jsontext.Value(`[]`) },
		"details are cut":      func(e *Entry) { e.Details = jsontext.Value(`{"a":`) },
		"a detail twice":       func(e *Entry) { e.Details = jsontext.Value(`{"a":1,"a":2}`) },
		"a user without UTF-8": func(e *Entry) { e.UserID = "\xff" },
	} {
		t.Run(name, func(t *testing.T) {
			trail, d, _ := newTrail(t)
			e := entry(1)
			change(&e)
			if _, err := trail.Append(context.Background(), e); !fault.Is(err, fault.InvalidInput) {
				t.Errorf("Append = %v, want InvalidInput", err)
			}
			if len(d.items["audit"]) != 0 {
				t.Error("something was written")
			}
		})
	}
}
