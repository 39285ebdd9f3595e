//go:build platform

package suite

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

// dirty asserts a failure that a person has to look at, and that the operators are told where, and what to do then.
func (d day) dirty(t *testing.T, r runbook.Result, fault string, path ...string) {
	t.Helper()
	ended(t, straight(r), "FailedDirty", fault, slices.Concat(path, failed, []string{"Clean or dirty?", "FailedDirty"})...)
	m := mail(t, w.operations, "vps_recovery_failed", r).Message
	_, next, _ := strings.Cut(m, "Next: ")
	for _, want := range []string{w.Outputs["VpsRecoveryArn"], `"tenant_id":"` + d.ID + `"`, `"mode":"clean-up"`} {
		if !strings.Contains(next, want) {
			t.Errorf("the notice's next step does not say %q:\n%s", want, m)
		}
	}
}

// free asserts that the tenant may be recovered again.
func (d day) free(t *testing.T) {
	t.Helper()
	if holder := registered(t, d.ID).Lease.Holder; holder != "" {
		t.Errorf("the lease is still held by %s", holder)
	}
}

const again = `{"tenant_id":"globex","mode":"clean-up","reason":"after a dirty end"}`

// MoveTenant acts, and is killed before it can say so, in every attempt. Nobody knows whether the registry names the new
// server: it stays, and so does DNS. What comes next finds it well.
func TestAMoveThatNobodyHearsOf(t *testing.T) {
	d := aDay(t)
	strike(t, w.Faults.Runtime, faults.Rule{
		Caller: "pmdr-move-tenant", Method: http.MethodPost, Path: invocation,
		Strikes: []faults.Strike{faults.Before(func() { kill(t, "pmdr-move-tenant") }), faults.CutBefore},
	})
	r := d.force(t)
	d.dirty(t, r, "Runtime.ExitError", append(through("MoveTenant"), "Moved but not recorded")...)
	if n := times(r, "MoveTenant", "Runtime.ExitError"); n != 4 {
		t.Errorf("MoveTenant was tried %d times, want once and three retries", n)
	}
	d.moved(t)
	succeeded(t, recoverServer(t, again))
	d.moved(t)
	d.free(t)
	d.retire(t)
}

// The new server is no use, and the provider does not take it back. Nobody is sent there: DNS and registry are untouched.
func TestANewServerThatCannotBeDestroyed(t *testing.T) {
	d := aDay(t)
	page := strike(t, w.Faults.Mailu, faults.Rule{Method: http.MethodPatch, Path: "/api/v1/user/", Strikes: []faults.Strike{faults.Answer(200, "text/html", "<html>")}})
	stuck := strike(t, w.Faults.Provider, faults.Rule{Caller: "pmdr-destroy-vps", Method: http.MethodDelete, Strikes: []faults.Strike{faults.CutBefore}})
	r := d.force(t)
	d.dirty(t, r, "MailuRefused", append(through("SetCredentials"), "DestroyVps", "It could not be undone")...)
	if now := registered(t, d.ID); now.VPS != d.before.VPS || !slices.Equal(d.zone, zone(t, d.ID)) {
		t.Errorf("registry or zone were changed: %+v", now)
	}
	there := servers()
	if len(there) != len(d.servers)+1 || d.state(t) != vps.Off {
		t.Fatalf("the servers are %v, were %v; the old one is %s", there, d.servers, d.state(t))
	}
	page.Remove()
	stuck.Remove()
	r = d.force(t)
	succeeded(t, r)
	d.until(t, there[len(there)-1], vps.Gone) // the run has cleaned up after the other
	d.moved(t)
	d.free(t)
	d.retire(t)
}

// denied is Route 53's answer to whoever may not ask.
var denied = faults.Answer(http.StatusForbidden, "text/xml",
	`<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`)

// DNS names the new server, and the change can be neither followed nor undone. The new server stays, for it serves; the
// clean-up finishes the move.
func TestAChangeThatCannotBeUndone(t *testing.T) {
	d := aDay(t)
	var refusals []*faults.Standing
	for _, function := range []string{"pmdr-check-dns", "pmdr-update-dns-back"} {
		refusals = append(refusals, strike(t, w.Faults.AWS, faults.Rule{Caller: function, Path: "/2013-04-01/", Strikes: []faults.Strike{denied}}))
	}
	r := d.force(t)
	d.dirty(t, r, "AWSRefused", append(through("CheckDns"), "UpdateDnsBack", "It could not be undone")...)
	there := servers()
	if len(there) != len(d.servers)+1 || d.state(t) != vps.Off {
		t.Fatalf("the servers are %v, were %v; the old one is %s", there, d.servers, d.state(t))
	}
	d.serves(t) // by the new server: the old one is off
	for _, r := range refusals {
		r.Remove()
	}
	succeeded(t, recoverServer(t, again))
	d.moved(t)
	d.free(t)
	d.retire(t)
}

// state is that of the old server.
func (d day) state(t *testing.T) vps.State {
	t.Helper()
	s, err := d.console.Status(t.Context(), id(t, d.before.VPS.ID))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
