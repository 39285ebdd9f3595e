//go:build platform

package suite

import (
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

// listens waits until somebody listens there.
func listens(t *testing.T, address string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Errorf("nobody listens on %s: %v", address, err)
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// serverWays are those of vps-recovery, of globex.
func serverWays(t *testing.T) []way {
	d := today(t)
	const dead = `{"tenant_id":"globex","reason":"vps_failure","requested_by":"mira"}`
	of := func(name string, prepare func(*testing.T) string, well func(*testing.T, runbook.Result)) way {
		return way{
			name: name, machine: "VpsRecoveryArn", well: well,
			prepare: func(t *testing.T, _ string) string {
				d = today(t)
				return prepare(t)
			},
			broken: func(t *testing.T, r runbook.Result) { d.settle(t, r) },
		}
	}
	unchanged := func(t *testing.T, _ runbook.Result) {
		d.untouched(t)
		d.serves(t)
	}
	stopped := func(state string) func(*testing.T) string {
		return func(t *testing.T) string {
			pace(t, 1) // it must not get any further
			stopAt(t, forced, state)
			pace(t, hurried)
			return again
		}
	}
	return []way{
		of("a server is replaced", func(*testing.T) string { return forced }, func(t *testing.T, r runbook.Result) { d.replaced(t, r) }),
		of("nothing is needed", func(*testing.T) string { return dead }, unchanged),
		of("a reboot helps", func(t *testing.T) string {
			if err := w.Mail.Provider.Crash(id(t, d.before.VPS.ID), true); err != nil {
				t.Fatal(err)
			}
			// Pauses are short in these tests: the server is up before anybody looks.
			up := w.Faults.Provider.Add(faults.Rule{
				Caller: "pmdr-fence-vps", If: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/actions/reboot") },
				Strikes: []faults.Strike{faults.After(func() { listens(t, net.JoinHostPort(d.before.VPS.IP.String(), "993")) })},
			})
			t.Cleanup(up.Remove)
			return dead
		}, unchanged),
		of("the password is rotated meanwhile", func(t *testing.T) string {
			rule := w.Faults.Provider.Add(faults.Rule{Caller: "pmdr-set-reverse-dns", Times: 1, Strikes: []faults.Strike{faults.Before(func() {
				r, err := w.desk.Run(context.WithoutCancel(t.Context()), w.Outputs["CredentialRotationArn"], `{"tenant_id":"globex","reason":"it leaked"}`)
				if err != nil || r.Error != "" {
					t.Errorf("the rotation ended as %s: %v", r.Error, err)
				}
			})}})
			t.Cleanup(rule.Remove)
			return forced
		}, func(t *testing.T, r runbook.Result) {
			succeeded(t, r)
			d.agreed(t)
			d.moved(t)
			d.retire(t)
		}),
		of("a dead run's server goes", stopped("WaitForMailu"), func(t *testing.T, _ runbook.Result) {
			d.untouched(t)
			d.revive(t)
		}),
		of("a dead run's move is finished", stopped("WaitForDns"), func(t *testing.T, _ runbook.Result) {
			d.moved(t)
			d.retire(t)
		}),
	}
}

// untouched asserts that the registry names the old server, that there is no other, and that nobody holds the tenant.
func (d day) untouched(t *testing.T) {
	t.Helper()
	if now := registered(t, d.ID); now.Lease.Holder != "" || now.VPS != d.before.VPS || !slices.Equal(d.servers, servers()) {
		t.Errorf("something was changed: %+v, servers %v", now, servers())
	}
}

// agreed goes on with the password of a rotation.
func (d *day) agreed(t *testing.T) {
	t.Helper()
	book.Lock()
	defer book.Unlock()
	rotated(t, d.MailTenant)
	d.before.CredentialID = registered(t, d.ID).CredentialID
}

// served again.
func (d *day) settle(t *testing.T, r runbook.Result) {
	t.Helper()
	now := registered(t, d.ID)
	if holder := now.Lease.Holder; holder != "" && holder != r.ARN {
		t.Errorf("the lease is held by %s", holder)
	}
	if r.Error == "FailedDirty" || now.Lease.Holder != "" {
		succeeded(t, recoverServer(t, again))
		now = registered(t, d.ID)
	} else if now.VPS != d.before.VPS && !slices.Contains(r.Path, "MoveTenantOfPredecessors") {
		t.Errorf("it ended clean, and the registry says %+v", now.VPS)
	}
	if now.Lease.Holder != "" || len(now.Lease.LeftBehind) > 0 {
		t.Errorf("the lease is %+v", now.Lease)
	}
	changed := now.CredentialID != d.before.CredentialID
	if now.VPS != d.before.VPS {
		if changed {
			d.agreed(t)
		}
		d.moved(t)
		d.retire(t)
		return
	}
	if records := zone(t, d.ID); !slices.Equal(d.zone, records) {
		t.Errorf("the zone says %v, it said %v", records, d.zone)
	}
	for _, s := range servers() {
		if !slices.Contains(d.servers, s) { // mail may have come in there
			d.until(t, s, vps.Off)
			d.delete(t, s)
		}
	}
	d.revive(t)
	if changed { // while the server was off
		succeeded(t, rotate(t, `{"tenant_id":"globex","reason":"the server was off"}`))
		d.agreed(t)
	}
}
