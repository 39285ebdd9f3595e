package tenant

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

func TestLockGivesTheTenantAndTheRequest(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		got, err := w.locker().Lock(t.Context(), lockInput(w.start("one"), `{"tenant_id":"acme","reason":"vps_failure",
			"new_vps_ip":"9.9.9.10","host_key":"`+hostKey(3)+`","force":true,"requested_by":"Ada"}`))
		if err != nil {
			t.Fatal(err)
		}
		lease := Lease{Holder: arn("one"), Fencing: 1, Expires: w.now.Add(90 * time.Minute), LeftBehind: []string{}}
		if got.Fencing != 1 || !reflect.DeepEqual(got.Tenant.Lease, lease) || got.Tenant.Hostname != "mail.acme.example" {
			t.Errorf("tenant %+v", got.Tenant)
		}
		if got.NewVPSIP != netip.MustParseAddr("9.9.9.10") || got.HostKey != hostKey(3) || !got.Force || got.Plan ||
			got.Reason != "vps_failure" || got.RequestedBy != "Ada" {
			t.Errorf("request %+v", got)
		}
		if err := w.registry().Guard(t.Context(), "acme", 1); err != nil {
			t.Error(err)
		}
	})
}

func TestTheSameExecutionGetsTheSameLeaseAgain(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		first := w.locked("one")
		w.pass(time.Minute)
		if again := w.locked("one"); !reflect.DeepEqual(again.Tenant.Lease, first.Tenant.Lease) || again.Fencing != first.Fencing {
			t.Errorf("first %+v, then %+v", first.Tenant.Lease, again.Tenant.Lease)
		}
	})
}

func TestTheLeaseIsTakenOverOnlyFromWhatHasEnded(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		old := w.locked("one")
		_, err := w.lock(w.start("two"))
		wants(t, err, fault.TenantLocked)
		if !strings.Contains(fault.Of(err).Message(), arn("one")) {
			t.Errorf("the fault does not name the holder: %s", fault.Of(err).Message())
		}
		w.pass(24 * time.Hour) // no clock takes a lease away
		_, err = w.lock(w.start("two"))
		wants(t, err, fault.TenantLocked)

		w.end(arn("one"))
		taken := w.locked("two")
		if taken.Fencing != old.Fencing+1 || taken.Former != old.Fencing || !taken.Inherited ||
			!slices.Equal(taken.Tenant.Lease.LeftBehind, []string{arn("one")}) {
			t.Errorf("lease %+v", taken.Tenant.Lease)
		}
	})
}

// One that died before it could clean up after another hands on both, also through a person's hands.
func TestWhatWasLeftBehindIsHandedOnUntilALeaseIsReleased(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		for _, name := range []string{"one", "two"} {
			w.locked(name)
			w.end(arn(name))
		}
		if _, err := w.registrar().Register(t.Context(), Registration{acme(), 1}); err != nil {
			t.Fatal(err)
		}
		if now := w.tenant().Lease; now.Holder != "" || !slices.Equal(now.LeftBehind, []string{arn("one"), arn("two")}) {
			t.Errorf("after the registration the lease is %+v", now)
		}
		three, err := w.locker().Lock(t.Context(), lockInput(w.start("three"), `{"tenant_id":"acme","reason":"r","mode":"clean-up"}`))
		if err != nil || !three.CleanUp || !three.Inherited || three.Former != 2 || !slices.Equal(three.Tenant.Lease.LeftBehind, []string{arn("one"), arn("two")}) {
			t.Errorf("locked %+v, %v", three, err)
		}
		if _, err := w.registry().Unlock(t.Context(), Release{"acme", three.Fencing}); err != nil {
			t.Fatal(err)
		}
		if four := w.locked("four"); four.Inherited {
			t.Errorf("inherited from a released lease: %+v", four.Tenant.Lease)
		}
	})
}

func TestAnOldFencingNumberChangesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		old := w.locked("one")
		w.end(arn("one"))
		w.locked("two")
		before := w.tenant()

		wants(t, w.registry().Guard(t.Context(), "acme", old.Fencing), fault.LeaseLost)
		wants(t, w.registry().Guard(t.Context(), "acme", old.Fencing+2), fault.LeaseLost)
		_, err := w.registry().Move(t.Context(), newServer(old.Fencing, 2))
		wants(t, err, fault.LeaseLost)
		released, err := w.registry().Unlock(t.Context(), Release{"acme", old.Fencing})
		if err != nil || released.Released {
			t.Errorf("unlock: %v, %v", released, err)
		}
		if now := w.tenant(); !reflect.DeepEqual(now.Lease, before.Lease) || now.VPS != before.VPS || now.Generation != before.Generation {
			t.Errorf("before %+v, now %+v", before, now)
		}
	})
}

func TestAReleasedLeaseGuardsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		held := w.locked("one")
		for range 2 { // again: the same answer
			released, err := w.registry().Unlock(t.Context(), Release{"acme", held.Fencing})
			if err != nil || !released.Released {
				t.Fatalf("unlock: %v, %v", released, err)
			}
		}
		wants(t, w.registry().Guard(t.Context(), "acme", held.Fencing), fault.LeaseLost)
		_, err := w.registry().Move(t.Context(), newServer(held.Fencing, 2))
		wants(t, err, fault.LeaseLost)
		if next := w.locked("two"); next.Fencing != held.Fencing+1 || next.Inherited || len(next.Tenant.Lease.LeftBehind) != 0 {
			t.Errorf("the next lease is %+v", next.Tenant.Lease)
		}
	})
}

func TestMoveRecordsTheServerOnce(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		held := w.locked("one")
		move := newServer(held.Fencing, 2)
		for range 2 {
			moved, err := w.registry().Move(t.Context(), move)
			if err != nil || moved != (Moved{"acme", 2}) {
				t.Fatalf("moved %v, %v", moved, err)
			}
		}
		if now := w.tenant(); now.VPS != move.VPS || now.HostKey != move.HostKey || now.Generation != 2 || !reflect.DeepEqual(now.Lease, held.Tenant.Lease) {
			t.Errorf("the registry has %+v", now)
		}
	})
}

// Who takes over after the change in DNS has to know where the tenant went, until the move is finished or given up.
func TestAnAnnouncedServerIsKnownToTheSuccessor(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		held := w.locked("one")
		move := newServer(held.Fencing, 2)
		arriving := Arrival{VPS: move.VPS, HostKey: move.HostKey}
		for range 2 {
			if got, err := w.registry().Announce(t.Context(), move); err != nil || got != (Announced{"acme", arriving}) {
				t.Fatalf("announced %+v, %v", got, err)
			}
		}
		before := w.tenant()
		if before.Arriving != arriving || before.VPS == move.VPS || before.Generation != 1 {
			t.Errorf("the registry has %+v", before)
		}
		rotated := move
		rotated.CredentialID = "cred-2"
		_, err := w.registry().Announce(t.Context(), rotated)
		wants(t, err, fault.CredentialStale)
		w.end(arn("one"))
		next := w.locked("two")
		if next.Tenant.Arriving != arriving {
			t.Errorf("the successor knows %+v", next.Tenant.Arriving)
		}
		_, err = w.registry().Announce(t.Context(), move)
		wants(t, err, fault.LeaseLost)
		move.Fencing = next.Fencing
		for range 2 {
			if moved, err := w.registry().Move(t.Context(), move); err != nil || moved.Generation != 2 {
				t.Fatalf("moved %v, %v", moved, err)
			}
		}
		if now := w.tenant(); now.Arriving != (Arrival{}) || now.VPS != move.VPS {
			t.Errorf("after the move the registry has %+v", now)
		}
		if _, err := w.registry().Announce(t.Context(), newServer(next.Fencing, 3)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.registry().Unlock(t.Context(), Release{"acme", next.Fencing}); err != nil {
			t.Fatal(err)
		}
		if now := w.tenant(); now.Arriving != (Arrival{}) {
			t.Errorf("after the release the registry has %+v", now)
		}
	})
}

func TestMoveRefusesARotatedCredential(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		held := w.locked("one")
		for range 2 {
			if err := w.registry().SetCredential(t.Context(), Rotation{"acme", "cred-1", "cred-2"}); err != nil {
				t.Fatal(err)
			}
		}
		wants(t, w.registry().SetCredential(t.Context(), Rotation{"acme", "cred-1", "cred-3"}), fault.CredentialStale)
		move := newServer(held.Fencing, 2)
		_, err := w.registry().Move(t.Context(), move)
		wants(t, err, fault.CredentialStale)
		move.CredentialID = "cred-2"
		if moved, err := w.registry().Move(t.Context(), move); err != nil || moved.Generation != 3 {
			t.Errorf("moved %v, %v", moved, err)
		}
	})
}

func TestAPlanTakesNothing(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		plan := func(name string) (Locked, error) {
			return w.locker().Lock(t.Context(), lockInput(w.start(name), `{"tenant_id":"acme","reason":"drill","mode":"plan"}`))
		}
		got, err := plan("plan")
		if err != nil || !got.Plan || got.Fencing != 0 || got.Tenant.ID != "acme" || !reflect.DeepEqual(w.tenant().Lease, Lease{LeftBehind: []string{}}) {
			t.Errorf("planned %+v, %v", got, err)
		}
		wants(t, w.registry().Guard(t.Context(), "acme", got.Fencing), fault.LeaseLost)
		w.locked("one")
		_, err = plan("another")
		wants(t, err, fault.TenantLocked)
	})
}

// A recovery would install the credentials of the backup. A clean-up installs none, and a run that has the lease goes on.
func TestARestoreOfVaultHoldsRecoveries(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		w.restoring(true)
		for _, mode := range []string{"", "plan"} {
			_, err := w.locker().Lock(t.Context(), lockInput(w.start("held"), `{"tenant_id":"acme","reason":"vps_failure","mode":"`+mode+`"}`))
			wants(t, err, fault.RestoreUnderway)
		}
		if now := w.tenant().Lease; now.Holder != "" || now.Fencing != 0 {
			t.Errorf("the lease is %+v", now)
		}
		if _, err := w.locker().Lock(t.Context(), lockInput(w.start("clean"), `{"tenant_id":"acme","reason":"x","mode":"clean-up"}`)); err != nil {
			t.Errorf("a clean-up: %v", err)
		}
		w.end(arn("clean"))
		w.restoring(false)
		first := w.locked("one")
		w.restoring(true)
		if again := w.locked("one"); again.Fencing != first.Fencing {
			t.Errorf("first %+v, then %+v", first.Tenant.Lease, again.Tenant.Lease)
		}
	})
}

func TestAnUnknownTenantIsUnknownEverywhere(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		_, err := w.lock(w.start("one"))
		wants(t, err, fault.TenantUnknown)
		wants(t, w.registry().Guard(t.Context(), "acme", 1), fault.TenantUnknown)
		_, err = w.registry().Move(t.Context(), newServer(1, 2))
		wants(t, err, fault.TenantUnknown)
		_, err = w.registry().Unlock(t.Context(), Release{"acme", 1})
		wants(t, err, fault.TenantUnknown)
		wants(t, w.registry().SetCredential(t.Context(), Rotation{"acme", "a", "b"}), fault.TenantUnknown)
		wants(t, w.registry().Suppress(t.Context(), "acme", true), fault.TenantUnknown)
		_, err = w.budget(1, 1).Take(t.Context(), "acme", arn("one"))
		wants(t, err, fault.TenantUnknown)
		if w.db.writes != 0 {
			t.Error("something was written")
		}
	})
}

func TestLockRefusesWhatIsNotARequest(t *testing.T) {
	for text, says := range map[string]string{
		`{}`: "tenant_id", `[]`: "object", `{"tenant_id":"acme"}`: "reason", `{"tenant_id":"ACME","reason":"r"}`: "tenant_id",
		`{"tenant_id":"#budget","reason":"r"}`: "tenant_id", `{"tenant_id":"acme","reason":"r","x":1}`: "x",
		`{"tenant_id":"acme","reason":"r","Force":true}`: "Force", `{"tenant_id":"acme","reason":"r","reason":"s"}`: "reason",
		`{"tenant_id":"acme","reason":"a\nb"}`: "reason", `{"tenant_id":"acme","reason":"r","mode":"dry"}`: "mode",
		`{"tenant_id":"acme","reason":"` + strings.Repeat("r", 257) + `"}`:                           "reason",
		`{"tenant_id":"acme","reason":"r","requested_by":"` + strings.Repeat("r", 257) + `"}`:        "requested_by",
		`{"tenant_id":"acme","reason":"r","new_vps_ip":"9.9.9.9"}`:                                   "host_key",
		`{"tenant_id":"acme","reason":"r","host_key":"` + hostKey(2) + `"}`:                          "new_vps_ip",
		`{"tenant_id":"acme","reason":"r","new_vps_ip":"9.9.9","host_key":"` + hostKey(2) + `"}`:     `"new_vps_ip" must be an IP address`,
		`{"tenant_id":"acme","reason":"r","new_vps_ip":"127.0.0.9","host_key":"` + hostKey(2) + `"}`: "new_vps_ip",
		`{"tenant_id":"acme","reason":"r","new_vps_ip":"9.9.9.9","host_key":"none"}`:                 "host_key",
		`{"tenant_id":"acme","reason":"r","mode":"clean-up","force":true}`:                           "force",
		`{"tenant_id":"acme","reason":"r","force":"yes"}`:                                            "force",
		`{"tenant_id":"acme","reason":"r"}{}`:                                                        "JSON",
	} {
		w := newWorld(t, newMemory(t), "tenants")
		w.registered()
		_, err := w.locker().Lock(t.Context(), lockInput(w.start("one"), text))
		if !fault.Is(err, fault.InvalidInput) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want InvalidInput that says %s", text, err, says)
		}
		if !reflect.DeepEqual(w.tenant().Lease, Lease{LeftBehind: []string{}}) {
			t.Errorf("%s: the lease was taken", text)
		}
	}
}

func TestStepsRefuseAPayloadThatNamesNoLease(t *testing.T) {
	r := newWorld(t, newMemory(t), "tenants").registry()
	for _, m := range []Move{
		newServer(0, 2), newServer(-1, 2),
		func() Move { m := newServer(1, 2); m.CredentialID = ""; return m }(),
		func() Move { m := newServer(1, 2); m.HostKey = "x"; return m }(),
		func() Move { m := newServer(1, 2); m.VPS.IP = netip.Addr{}; return m }(),
		func() Move { m := newServer(1, 2); m.TenantID = "#budget"; return m }(),
	} {
		_, err := r.Move(t.Context(), m)
		wants(t, err, fault.InvalidInput)
	}
	for _, u := range []Release{{"acme", 0}, {"#budget", 1}, {"", 1}} {
		_, err := r.Unlock(t.Context(), u)
		wants(t, err, fault.InvalidInput)
	}
	wants(t, r.SetCredential(t.Context(), Rotation{"acme", "a", ""}), fault.InvalidInput)
	wants(t, r.Guard(t.Context(), "#budget", 1), fault.InvalidInput)
	wants(t, r.Suppress(t.Context(), "#budget", true), fault.InvalidInput)
	if (LockInput{}).Validate() == nil {
		t.Error("a lock without an execution passes")
	}
}
