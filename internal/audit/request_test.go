package audit

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

const execution = `"execution":{"arn":"arn:aws:states:eu-central-1:123456789012:execution:vault-backup:2026-11-24","started_at":"2026-11-24T02:00:00.250Z","state":"RecordAudit"}`

func request(t *testing.T, payload string) Request {
	t.Helper()
	var r Request
	if err := strictjson.Unmarshal([]byte(payload), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestIDVectors holds ids that another implementation made: Python's uuid.uuid5 over the documented name.
func TestIDVectors(t *testing.T) {
	x := task.Execution{ARN: "arn:aws:states:eu-central-1:123456789012:execution:vault-backup:2026-11-24",
		StartedAt: time.Date(2026, 11, 24, 3, 0, 0, 250e6, time.FixedZone("CET", 3600)), State: "RecordAudit"}
	if got := NewID(x, nil, VaultBackupCompleted); got != "6de9379c-5b1c-5c45-b490-825163ac8584" {
		t.Errorf("outside a Map: %s", got)
	}
	three := 3
	if got := NewID(x, &three, VaultBackupCompleted); got != "d5841316-65e6-5bc8-aebd-009721f4e5ed" {
		t.Errorf("inside a Map: %s", got)
	}
}

func TestRecordABackup(t *testing.T) {
	trail, d, _ := newTrail(t)
	r := request(t, `{"event":"vault_backup_completed","severity":"info","requested_by":"rule/nightly",`+execution+`,
		"details":{"slot":"backups/2026-11-24","secrets":412,"odd":"\"\n\u2028é"}}`)
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	receipt, err := trail.Record(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	stored := d.record(Platform, 1)
	hash := stored["hash"].(*types.AttributeValueMemberS).Value
	if receipt != (Receipt{Stream: Platform, Seq: 1, ID: "6de9379c-5b1c-5c45-b490-825163ac8584", Hash: hash}) {
		t.Errorf("receipt %+v", receipt)
	}
	again, err := trail.Record(context.Background(), r)
	if err != nil || again != receipt {
		t.Errorf("Record again = %+v, %v; want the same receipt", again, err)
	}
	l, err := linkOf(stored)
	if err != nil || l.record.UserID != "rule/nightly" || l.record.ActorARN != Unverified {
		t.Errorf("stored %+v, %v", l.record, err)
	}
	if want := `{"odd":"\"\n` + "\u2028é" + `","secrets":412,"slot":"backups/2026-11-24"}`; string(l.record.Details) != want {
		t.Errorf("details %s, want %s", l.record.Details, want)
	}
}

func TestRecordAFailure(t *testing.T) {
	long := strings.Repeat("é", 3000)
	for name, tt := range map[string]struct{ in, want string }{
		"a function's fault": {`"details":{"slot":"s"},"fault":{"Error":"VaultSealed","Cause":"{\"errorMessage\":\"Vault runs and is sealed\",\"errorType\":\"VaultSealed\",\"stackTrace\":[]}"}`,
			`{"cause":"Vault runs and is sealed","fault":"VaultSealed","slot":"s"}`},
		"a time-out":           {`"details":{},"fault":{"Error":"States.Timeout","Cause":""}`, `{"cause":"","fault":"States.Timeout"}`},
		"a cause left out":     {`"details":{},"fault":{"Error":"States.Timeout"}`, `{"cause":"","fault":"States.Timeout"}`},
		"text":                 {`"details":{},"fault":{"Error":"Lambda.Unknown","Cause":"it \"died\"\n"}`, `{"cause":"it \"died\"\n","fault":"Lambda.Unknown"}`},
		"JSON of another form": {`"details":{},"fault":{"Error":"X","Cause":"{\"errorMessage\":7}"}`, `{"cause":"{\"errorMessage\":7}","fault":"X"}`},
		"handed over in parts": {`"details":{"fault":"VaultSealed","cause":"{\"errorMessage\":\"sealed\"}"}`, `{"cause":"sealed","fault":"VaultSealed"}`},
		"far too long":         {`"details":{"cause":"` + long + `"}`, `{"cause":"` + strings.Repeat("é", 999) + `…"}`},
	} {
		t.Run(name, func(t *testing.T) {
			trail, d, _ := newTrail(t)
			r := request(t, `{"event":"vault_backup_failed","severity":"critical",`+execution+`,`+tt.in+`}`)
			if err := r.Validate(); err != nil {
				t.Fatal(err)
			}
			if _, err := trail.Record(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			l, err := linkOf(d.record(Platform, 1))
			if err != nil || string(l.record.Details) != tt.want {
				t.Errorf("details %s, %v; want %s", l.record.Details, err, tt.want)
			}
		})
	}
}

func TestFailureTextKeepsWholeCharacters(t *testing.T) {
	for _, cause := range []string{strings.Repeat("é", 5000), strings.Repeat("\xff", 5000), "\xc3", strings.Repeat("a", 1000)} {
		text := Failure{Cause: cause}.Text()
		if n := utf8.RuneCountInString(text); n > longestCause || !utf8.ValidString(text) {
			t.Errorf("%d characters, valid UTF-8: %v", n, utf8.ValidString(text))
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	sound := func() Request {
		return request(t, `{"event":"vault_backup_completed","severity":"info",`+execution+`,"details":{}}`)
	}
	if err := sound().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Request){
		"unknown event":      func(r *Request) { r.Event = "hunter2" },
		"no event":           func(r *Request) { r.Event = "" },
		"wrong severity":     func(r *Request) { r.Severity = "hunter2" },
		"severity of others": func(r *Request) { r.Severity = Critical },
		"odd tenant":         func(r *Request) { r.TenantID = "hunter2/.." },
		"no execution":       func(r *Request) { r.Execution = task.Execution{} },
		"a line break":       func(r *Request) { r.Execution.State += "\nRecordAudit" },
		"a long claim":       func(r *Request) { r.RequestedBy = strings.Repeat("hunter2", 100) },
		"no details":         func(r *Request) { r.Details = nil },
		"details null":       func(r *Request) { r.Details = []byte("null") },
	} {
		t.Run(name, func(t *testing.T) {
			r := sound()
			change(&r)
			err := r.Validate()
			if err == nil {
				t.Fatal("Validate took it")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error quotes a value: %v", err)
			}
			trail, d, _ := newTrail(t)
			if name == "odd tenant" {
				if _, err := trail.Record(context.Background(), r); !fault.Is(err, fault.InvalidInput) || len(d.items["audit"]) != 0 {
					t.Errorf("Record = %v, want InvalidInput and nothing written", err)
				}
			}
		})
	}
}

func TestEveryEventMayBeRecorded(t *testing.T) {
	for _, e := range Events() {
		if len(e.Severities()) == 0 {
			t.Errorf("%s has no severity", e)
		}
		for _, s := range e.Severities() {
			if !e.Admits(s) {
				t.Errorf("%s does not admit %s", e, s)
			}
		}
	}
	if Event("x").Admits(Info) || VaultBackupFailed.Admits(Info) {
		t.Error("Admits is wrong")
	}
}
