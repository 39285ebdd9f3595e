//go:build platform

package suite

import (
	"slices"
	"testing"
)

// The change is accepted and the zone's name servers go on to answer as before. The machine looks forty times.
func TestAChangeThatTheWorldDoesNotSee(t *testing.T) {
	d := aDay(t)
	pace(t, 0)
	if err := w.Mail.DNS.Lag(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Mail.DNS.CatchUp)
	d.keptBack(t, d.force(t), "DNSNotVisible",
		slices.Concat(through("DNS visible?"), []string{"Change never visible", "UpdateDnsBack"}, undone)...)
}
