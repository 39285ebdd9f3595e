package audit

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// TestVerifyFindsEveryBreak tampers with a stream of eight records (three pages), in the ways that one who may write
// the tables has.
func TestVerifyFindsEveryBreak(t *testing.T) {
	body := func(i item) string { return i["body"].(*types.AttributeValueMemberS).Value }
	rewrite := func(d *tables, seq int64, from, to string) item {
		i := d.record(Platform, seq)
		i["body"] = text(strings.Replace(body(i), from, to, 1))
		return i
	}
	tests := map[string]struct {
		tamper func(*tables)
		want   []string // "seq kind"
	}{
		"nothing": {func(*tables) {}, nil},
		"a changed body": {func(d *tables) { rewrite(d, 4, "2026-11-24", "2026-11-23") },
			[]string{"4 changed", "5 unlinked"}},
		"a changed body with its hash": {func(d *tables) {
			i := rewrite(d, 4, `"n":3`, `"n":4`)
			i["hash"] = text(Hash(body(i)))
		}, []string{"5 unlinked"}},
		"the last body with its hash": {func(d *tables) {
			i := rewrite(d, 8, `"n":7`, `"n":4`)
			i["hash"] = text(Hash(body(i)))
		}, []string{"8 head"}},
		"white space": {func(d *tables) { rewrite(d, 4, `{`, `{ `) }, []string{"4 changed", "5 unlinked"}},
		"no record":   {func(d *tables) { d.record(Platform, 4)["body"] = text(`{"a":1}`) }, []string{"4 unreadable", "5 unlinked"}},
		"no body":     {func(d *tables) { delete(d.record(Platform, 4), "body") }, []string{"4 unreadable", "5 unlinked"}},
		"two swapped": {func(d *tables) {
			a, b := d.record(Platform, 3), d.record(Platform, 6)
			a["body"], b["body"] = b["body"], a["body"]
			a["hash"], b["hash"] = b["hash"], a["hash"]
		}, []string{"3 changed", "3 unlinked", "4 unlinked", "6 changed", "6 unlinked", "7 unlinked"}},
		"one deleted":   {func(d *tables) { d.remove(Platform, 4) }, []string{"4 missing"}},
		"three deleted": {func(d *tables) { d.remove(Platform, 4); d.remove(Platform, 5); d.remove(Platform, 6) }, []string{"4 missing"}},
		"first deleted": {func(d *tables) { d.remove(Platform, 1) }, []string{"1 missing"}},
		"a cut tail":    {func(d *tables) { d.remove(Platform, 7); d.remove(Platform, 8) }, []string{"7 missing"}},
		"all deleted": {func(d *tables) {
			for seq := range int64(8) {
				d.remove(Platform, seq+1)
			}
		}, []string{"1 missing"}},
		"a head set back": {func(d *tables) {
			d.items["audit-heads"]["Splatform"] = item{"stream": text(Platform), "seq": number(6), "hash": d.record(Platform, 6)["hash"]}
		}, []string{"8 head"}},
		"a head set ahead":     {func(d *tables) { d.items["audit-heads"]["Splatform"]["seq"] = number(1_000_000_000_000) }, []string{"9 missing"}},
		"another head":         {func(d *tables) { d.items["audit-heads"]["Splatform"]["hash"] = text(Hash("x")) }, []string{"8 head"}},
		"no head":              {func(d *tables) { delete(d.items["audit-heads"], "Splatform") }, []string{"8 head"}},
		"a head without a seq": {func(d *tables) { delete(d.items["audit-heads"]["Splatform"], "seq") }, []string{"8 head"}},
		"another event":        {func(d *tables) { d.record(Platform, 2)["event"] = text("vault_backup_failed") }, []string{"2 changed"}},
		"another timestamp":    {func(d *tables) { d.record(Platform, 2)["timestamp"] = text("2026-11-24T12:00:01Z") }, []string{"2 changed"}},
		"a tenant put in":      {func(d *tables) { d.record(Platform, 2)["tenant_id"] = text("acme") }, []string{"2 changed"}},
		"an id taken out":      {func(d *tables) { delete(d.record(Platform, 2), "id") }, []string{"2 changed"}},
		"an expiry planted":    {func(d *tables) { d.record(Platform, 2)["expires"] = number(1) }, []string{"2 changed"}},
		"a record before":      {func(d *tables) { d.items["audit"]["Splatform|N0"] = item{"stream": text(Platform), "seq": number(0)} }, []string{"1 unreadable"}},
		"an id twice": {func(d *tables) {
			i := rewrite(d, 8, entry(7).ID, entry(1).ID)
			i["id"], i["hash"] = text(entry(1).ID), text(Hash(body(i)))
			d.items["audit-heads"]["Splatform"]["hash"] = i["hash"]
		}, []string{"8 repeated"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			trail, d, _ := newTrail(t)
			fill(t, trail, 8)
			tt.tamper(d)
			report, err := trail.Verify(context.Background(), Platform)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, b := range report.Breaks {
				got = append(got, fmt.Sprintf("%d %s", b.Seq, b.Kind))
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("breaks %v, want %v\n%+v", got, tt.want, report.Breaks)
			}
			if report.Intact() != (len(tt.want) == 0) {
				t.Error("Intact is wrong")
			}
		})
	}
}

func TestVerifyAnEmptyStream(t *testing.T) {
	trail, _, _ := newTrail(t)
	wantIntact(t, trail, 0)
}

// overtaken lets a writer append between the records and the head that Verify reads.
type overtaken struct {
	Database
	append func()
}

func (o *overtaken) GetItem(ctx context.Context, in *dynamodb.GetItemInput, opts ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	if write := o.append; write != nil && *in.TableName == "audit-heads" {
		o.append = nil
		write()
	}
	return o.Database.GetItem(ctx, in, opts...)
}

func TestVerifyBesideAWriter(t *testing.T) {
	trail, d, _ := newTrail(t)
	fill(t, trail, 4)
	beside := *trail
	beside.Database = &overtaken{Database: d, append: func() { fill(t, trail, 9) }}
	wantIntact(t, &beside, 9)
}

func TestVerifyWithoutATable(t *testing.T) {
	trail, d, _ := newTrail(t)
	trail.Database = broken{d}
	if _, err := trail.Verify(context.Background(), Platform); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("Verify = %v, want AWSUnavailable", err)
	}
}

type broken struct{ Database }

func (broken) Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	return nil, answered(500, "InternalServerError")
}
