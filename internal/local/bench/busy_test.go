package bench

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func at(milliseconds int) time.Time { return time.Unix(1_800_000_000, int64(milliseconds)*1e6).UTC() }

func TestOverlappingSpansCountOnce(t *testing.T) {
	for name, c := range map[string]struct {
		spans []span
		want  time.Duration
	}{
		"none":                {nil, 0},
		"apart, out of order": {[]span{{at(50), at(60)}, {at(0), at(10)}}, 20},
		"overlapping":         {[]span{{at(0), at(10)}, {at(5), at(15)}}, 15},
		"one within another":  {[]span{{at(0), at(30)}, {at(5), at(15)}, {at(10), at(20)}, {at(29), at(31)}}, 31},
		"touching":            {[]span{{at(0), at(10)}, {at(10), at(20)}}, 20},
	} {
		if got := busy(c.spans); got != c.want*time.Millisecond {
			t.Errorf("%s: %v, want %v ms", name, got, int(c.want))
		}
	}
}

func TestSpansOfTheAuditLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.log")
	write := func(text string) {
		t.Helper()
		log, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		if _, err := log.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	log := newAuditLog(file)
	read := func() []span {
		t.Helper()
		spans, err := log.Spans()
		if err != nil {
			t.Fatal(err)
		}
		return spans
	}
	write(`{"time":"2027-01-15T08:00:00.000Z","type":"request","request":{"id":"a","path":"smtp/data/x"}}
{"time":"2027-01-15T08:00:00.001Z","type":"request","request":{"id":"b"}}
{"time":"2027-01-15T08:00:00.004Z","type":"response","request":{"id":"b"},"response":{"data":{}}}
{"time":"2027-01-15T08:00:00.010Z","type":"response","request":{"id":"a"}}
`)
	want := []span{{at(1), at(4)}, {at(0), at(10)}}
	if d := cmp.Diff(want, read(), cmp.AllowUnexported(span{})); d != "" {
		t.Errorf("- wanted, + read:\n%s", d)
	}
	if again := read(); len(again) != 0 {
		t.Errorf("%v is read twice", again)
	}
	write(`{"time":"2027-01-15T08:00:00.020Z","type":"request","request":{"id":"c"}}
{"time":"2027-01-15T08:00:00.021Z","type":"resp`)
	if early := read(); len(early) != 0 {
		t.Errorf("%v is read of half a line", early)
	}
	write(`onse","request":{"id":"c"}}
`)
	if d := cmp.Diff([]span{{at(20), at(21)}}, read(), cmp.AllowUnexported(span{})); d != "" {
		t.Errorf("- wanted, + read:\n%s", d)
	}
}
