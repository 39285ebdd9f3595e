package routine

import (
	"fmt"
	"testing"
	"time"
)

func TestLifetime(t *testing.T) {
	for text, want := range map[string]struct {
		days int
		ok   bool
	}{
		"": {180, true}, "1d": {1, true}, "90d": {90, true}, "9999d": {9999, true},
		"0d": {180, false}, "10000d": {180, false}, "90": {180, false}, "90 days": {180, false}, "90D": {180, false}, "-1d": {180, false}, "1d\n": {180, false},
	} {
		if got, ok := lifetime(text); got != time.Duration(want.days)*day || ok != want.ok {
			t.Errorf("%q is %v, %t", text, got, ok)
		}
	}
}

// Whenever a credential was rotated: it is due in its tenant's own hour, not before its time and less than a day after.
func TestDue(t *testing.T) {
	hours := map[time.Duration]int{}
	for i := range 1000 {
		id := fmt.Sprintf("tenant-%d", i)
		from := time.Date(2026, 11, 24, 0, 0, 0, 0, time.FixedZone("CET", 3600)).Add(time.Duration(i) * 97 * time.Minute)
		at := due(from, 90*day, id)
		if wait := at.Sub(from); wait < 90*day || wait >= 91*day || at.Minute() != 0 || at.Location() != time.UTC {
			t.Errorf("%s is due %v after its rotation, at %v", id, wait, at)
		}
		if again := due(at, 0, id); !again.Equal(at) {
			t.Errorf("%s is due at %v, and at %v", id, at, again)
		}
		hours[hour(id)]++
	}
	for h := range 24 {
		if n := hours[time.Duration(h)*time.Hour]; n < 15 || n > 90 {
			t.Errorf("%d of 1000 tenants have the hour %d", n, h)
		}
	}
}
