//go:build platform

package suite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

// globex is the tenant of the bad days: before each of them its mail runs, and after each of them it runs again.
var globex *platform.MailTenant

// day is globex before something goes wrong.
type day struct {
	*platform.MailTenant
	console *vps.Provider
	before  tenant.Tenant
	zone    []string
	servers []int64 // of all tenants
}

// hurried is the part of their time that Wait states and retries take on bad days. What the machines are stays as deployed:
// sixty looks are sixty looks.
const hurried = 0.05

func aDay(t *testing.T) day {
	t.Helper()
	pace(t, hurried)
	t.Cleanup(func() { pace(t, 1) })
	return today(t)
}

// today is globex as it is now; the first to ask has it onboarded.
func today(t *testing.T) day {
	t.Helper()
	if globex == nil {
		made, err := w.OnboardMail(t.Context(), "globex")
		if err != nil {
			t.Fatal(err)
		}
		globex = &made
		w.passwords["globex"] = made.Password
		for name, s := range made.Planted {
			w.planted[name] = s
		}
	}
	console, err := w.Mail.Console()
	if err != nil {
		t.Fatal(err)
	}
	return day{globex, console, registered(t, "globex"), zone(t, "globex"), servers()}
}

func pace(t *testing.T, of float64) {
	t.Helper()
	if err := w.Engine.Pace(context.WithoutCancel(t.Context()), of); err != nil {
		t.Fatal(err)
	}
}

// servers are the ids of all that the provider has.
func servers() []int64 {
	var ids []int64
	for _, s := range w.Mail.Provider.Servers() {
		ids = append(ids, s.ID)
	}
	return ids
}

// strike puts a rule into force until the test ends, and fails the test if nothing was struck by then.
func strike(t *testing.T, at *faults.Proxy, r faults.Rule) *faults.Standing {
	t.Helper()
	rule := at.Add(r)
	t.Cleanup(func() {
		rule.Remove()
		if rule.Struck() == 0 {
			t.Error("the fault did not happen")
		}
	})
	return rule
}

// force starts a recovery of globex that does not ask whether it is needed.
func (d day) force(t *testing.T) runbook.Result {
	t.Helper()
	return recoverServer(t, forced)
}

const forced = `{"tenant_id":"globex","reason":"vps_failure","force":true}`

// through is the straight way of a recovery up to a state.
func through(state string) []string {
	way := slices.Concat(looked, rebuilt, arrived)
	return way[:slices.Index(way, state)+1]
}

// undone is what follows when a recovery fails that has ordered a server and not touched DNS.
var undone = []string{"DestroyVps", "UnlockTenantAfterFailure"}

// putBack asserts a clean failure on this path, and that nothing is left of it: registry, zone and servers are what they
// were, and the old server, powered on again, serves the tenant.
func (d day) putBack(t *testing.T, r runbook.Result, fault string, path ...string) {
	t.Helper()
	d.backWith(t, r, d.servers, fault, path...)
}

// keptBack is putBack of a run that had moved DNS: the new server is off and protected, because mail may have come in there.
func (d day) keptBack(t *testing.T, r runbook.Result, fault string, path ...string) {
	t.Helper()
	there := servers()
	kept := there[len(there)-1]
	d.backWith(t, r, append(slices.Clone(d.servers), kept), fault, path...)
	d.until(t, kept, vps.Off)
	if err := d.console.Delete(t.Context(), kept); err == nil {
		t.Error("the server that may hold mail can be deleted")
	}
	d.delete(t, kept)
}

func (d day) backWith(t *testing.T, r runbook.Result, want []int64, fault string, path ...string) {
	t.Helper()
	ended(t, straight(r), "FailedClean", fault, slices.Concat(path, failed, []string{"Clean or dirty?", "FailedClean"})...)
	now := registered(t, d.ID)
	if now.Lease.Holder != "" || now.VPS != d.before.VPS || now.Generation != d.before.Generation {
		t.Errorf("the registry was changed: %+v", now)
	}
	if diff := cmp.Diff(d.zone, zone(t, d.ID)); diff != "" {
		t.Errorf("the zone was changed (-before +after):\n%s", diff)
	}
	if now := servers(); !slices.Equal(want, now) {
		t.Errorf("the servers are %v, want %v", now, want)
	}
	d.revive(t)
}

// revive is what an operator does to go back: power the old server on.
func (d day) revive(t *testing.T) {
	t.Helper()
	w.Mail.Provider.SetFaults(server.Faults{})
	w.Mail.DNS.CatchUp()
	if err := d.console.Reboot(t.Context(), id(t, d.before.VPS.ID)); err != nil {
		t.Fatal(err)
	}
	d.serves(t)
}

// serves waits until a mail program can log in.
func (d day) serves(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		err := w.Mail.Client(*d.MailTenant).IMAPS(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no mail program can log in: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// replaced asserts a recovery that succeeded in spite of everything: one new server, which serves the tenant and which
// registry and zone name, and the old one off.
func (d day) replaced(t *testing.T, r runbook.Result) {
	t.Helper()
	d.replacedBy(t, r, slices.Concat(looked, rebuilt, arrived)...)
}

func (d day) replacedBy(t *testing.T, r runbook.Result, path ...string) {
	t.Helper()
	succeeded(t, r)
	took(t, straight(r), path...)
	d.moved(t)
	if holder := registered(t, d.ID).Lease.Holder; holder != "" {
		t.Errorf("the lease is still held by %s", holder)
	}
	d.retire(t)
}

// moved asserts that the tenant is at one new server, everywhere, and the old one off.
func (d day) moved(t *testing.T) {
	t.Helper()
	now := registered(t, d.ID)
	if now.VPS.ID == d.before.VPS.ID || now.VPS.IP == d.before.VPS.IP || now.CredentialID != d.before.CredentialID {
		t.Errorf("the registry says %+v", now)
	}
	want := append(slices.Clone(d.servers), id(t, now.VPS.ID))
	if there := servers(); !slices.Equal(want, there) {
		t.Errorf("the servers are %v, want %v", there, want)
	}
	for _, line := range zone(t, d.ID) {
		if strings.Contains(line, d.before.VPS.IP.String()) {
			t.Errorf("the zone still says %s", line)
		}
	}
	d.until(t, id(t, d.before.VPS.ID), vps.Off)
	d.serves(t)
}

// retire is what an operator does with the old server at last.
func (d day) retire(t *testing.T) {
	t.Helper()
	d.delete(t, id(t, d.before.VPS.ID))
}

// delete deletes a server in the console, and returns when it is gone.
func (d day) delete(t *testing.T, server int64) {
	t.Helper()
	w.Mail.Provider.Unprotect(server)
	if err := d.console.Delete(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	d.until(t, server, vps.Gone)
}

// until waits for a state of a server.
func (d day) until(t *testing.T, server int64, state vps.State) {
	t.Helper()
	if err := d.await(t.Context(), server, state); err != nil {
		t.Fatal(err)
	}
}

func (d day) await(ctx context.Context, server int64, state vps.State) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		now, err := d.console.Status(ctx, server)
		if err == nil && now == state {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("server %d is %s and not %s: %w", server, now, state, errors.Join(err, ctx.Err()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func id(t *testing.T, text string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// times counts the failed attempts of a state with this fault.
func times(r runbook.Result, state, fault string) int {
	n := 0
	for _, f := range r.Failures {
		if f.State == state && f.Error == fault {
			n++
		}
	}
	return n
}
