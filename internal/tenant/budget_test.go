package tenant

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// tenants registers n tenants and gives their ids.
func (w *world) tenants(n int) (ids []string) {
	w.t.Helper()
	for i := range n {
		d := acme()
		d.ID = fmt.Sprintf("tenant-%02d", i)
		if _, err := w.registrar().Register(w.t.Context(), Registration{Description: d}); err != nil {
			w.t.Fatal(err)
		}
		ids = append(ids, d.ID)
	}
	return ids
}

// takes takes a share and fails the test unless that is the verdict.
func (w *world) takes(b Budget, tenant, execution string, want Verdict) {
	w.t.Helper()
	if got, err := b.Take(w.t.Context(), tenant, execution); err != nil || got != want {
		w.t.Errorf("%s: %q, %v, want %q", tenant, got, err, want)
	}
}

func TestTheBudgetIsSpentByTheHour(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		id, b := w.tenants(5), w.budget(10, 3)
		for i := range 3 {
			w.takes(b, id[i], w.start(id[i]), Granted)
			w.pass(10 * time.Minute)
		}
		w.takes(b, id[0], arn("again"), TenantSpent)
		w.takes(b, id[3], arn("late"), HourSpent)
		w.takes(b, id[1], arn(id[1]), Granted) // it has its share already
		w.pass(30*time.Minute - time.Second)
		w.takes(b, id[0], arn("again"), TenantSpent)
		w.pass(time.Second) // an hour after the first
		w.takes(b, id[0], w.start("again"), Granted)
		w.takes(b, id[3], arn("late"), HourSpent)
		w.pass(10 * time.Minute)
		w.takes(b, id[3], w.start("late"), Granted)
	})
}

func TestTheBudgetBoundsWhatRunsAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		id, b := w.tenants(4), w.budget(2, 10)
		w.takes(b, id[0], w.start("a"), Granted)
		w.takes(b, id[1], w.start("b"), Granted)
		w.takes(b, id[2], w.start("c"), TooMany)

		// One that has ended is found out, once it had time to start at all.
		w.end(arn("a"))
		w.takes(b, id[2], arn("c"), TooMany)
		w.pass(grace)
		w.takes(b, id[2], arn("c"), Granted)
		w.takes(b, id[3], w.start("d"), TooMany)
		w.end(arn("b"))
		w.takes(b, id[3], arn("d"), Granted)

		// What still runs counts for longer than its hour.
		w.pass(2 * time.Hour)
		w.takes(b, id[0], w.start("e"), TooMany)
		w.down = fault.AWSUnavailable.Errorf("no route")
		_, err := b.Take(t.Context(), id[0], arn("e"))
		wants(t, err, fault.AWSUnavailable)
	})
}

func TestARestoreOfVaultSpendsNothing(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		id, b := w.tenants(2), w.budget(1, 1)
		w.restoring(true)
		w.takes(b, id[0], arn("held"), Restoring)
		w.restore = fault.AWSUnavailable.Errorf("no route")
		_, err := b.Take(t.Context(), id[0], arn("held"))
		wants(t, err, fault.AWSUnavailable)
		w.restoring(false)
		w.takes(b, id[0], w.start("after"), Granted)
		w.restoring(true)
		w.takes(b, id[0], arn("after"), Granted) // it has its share already
	})
}

func TestTheSwitchStopsAllAutomation(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		id, b := w.tenants(2), w.budget(5, 5)
		turn := func(stopped bool) {
			t.Helper()
			if err := b.Turn(t.Context(), Switch{Stopped: stopped, Reason: "provider moves house", By: "Ada"}); err != nil {
				t.Fatal(err)
			}
		}
		turn(true)
		if s, err := b.Switch(t.Context()); err != nil || s != (Switch{true, "provider moves house", "Ada", w.now}) {
			t.Errorf("the switch is %+v, %v", s, err)
		}
		w.takes(b, id[0], arn("a"), Stopped)
		turn(false)
		w.takes(b, id[0], w.start("a"), Granted)

		if err := w.registry().Suppress(t.Context(), id[1], true); err != nil {
			t.Fatal(err)
		}
		w.takes(b, id[1], arn("b"), Suppressed)
		if err := w.registry().Suppress(t.Context(), id[1], false); err != nil {
			t.Fatal(err)
		}
		w.takes(b, id[1], w.start("b"), Granted)
	})
}

// Whoever works for the tenant already, a person's recovery too, leaves nothing to start; its own share it may ask for again.
func TestTheBudgetSeesWhatIsUnderWay(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		b := w.budget(5, 5)
		w.locked("by-hand")
		w.takes(b, "acme", arn("one"), UnderWay)
		if err := b.Turn(t.Context(), Switch{Stopped: true, Reason: "r", By: "Ada"}); err != nil {
			t.Fatal(err)
		}
		w.takes(b, "acme", arn("one"), UnderWay)
		w.end(arn("by-hand"))
		w.takes(b, "acme", arn("one"), Stopped)
		if err := b.Turn(t.Context(), Switch{Reason: "r", By: "Ada"}); err != nil {
			t.Fatal(err)
		}
		w.takes(b, "acme", w.start("one"), Granted)
		w.locked("one")
		w.takes(b, "acme", arn("one"), Granted)
		w.takes(b, "acme", arn("two"), UnderWay)
		w.down = fault.AWSUnavailable.Errorf("no route")
		_, err := b.Take(t.Context(), "acme", arn("two"))
		wants(t, err, fault.AWSUnavailable)
	})
}

// The switch and the tenant's own are read before the ledger is written: what is turned in between must count.
func TestATurnOfTheSwitchInBetweenCounts(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		id, b := w.tenants(2), w.budget(5, 5)
		ctx := t.Context()
		old, err := b.read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		write := func(tenant string) bool {
			t.Helper()
			ok, err := b.replace(ctx, old, []share{{Execution: arn("a"), TenantID: tenant, TakenAt: w.now}}, tenant)
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		if err := w.registry().Suppress(ctx, id[0], true); err != nil {
			t.Fatal(err)
		}
		if write(id[0]) {
			t.Error("a suppressed tenant was given a share")
		}
		if err := b.Turn(ctx, Switch{Stopped: true, Reason: "r", By: "Ada"}); err != nil {
			t.Fatal(err)
		}
		if write(id[1]) {
			t.Error("a share was given after automation was stopped")
		}
		if err := b.Turn(ctx, Switch{Reason: "r", By: "Ada"}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the first ledger, and one over another
			if !write(id[1]) {
				t.Error("no share was given with automation on")
			}
			if write(id[1]) {
				t.Error("a ledger that had moved on was overwritten")
			}
			if old, err = b.read(ctx); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTheBudgetIsExactUnderConcurrency(t *testing.T) {
	for _, limits := range []Limits{{3, 20}, {20, 4}, {0, 5}} {
		onEach(t, func(t *testing.T, w *world) {
			const tenants, callers = 12, 2
			id, b := w.tenants(tenants), w.budget(limits.Concurrent, limits.PerHour)
			verdicts := make([][callers]Verdict, tenants)
			var group errgroup.Group
			for i := range id {
				for c := range callers { // the alarm and the sweep, of one mind and two execution names
					group.Go(func() (err error) {
						verdicts[i][c], err = b.Take(t.Context(), id[i], w.start(fmt.Sprint(id[i], "-", c)))
						return err
					})
				}
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			granted := 0
			for i, v := range verdicts {
				if v[0] == Granted && v[1] == Granted {
					t.Errorf("%s was granted twice", id[i])
				}
				for _, v := range v {
					if v == Granted {
						granted++
					}
				}
			}
			if want := min(limits.Concurrent, limits.PerHour); granted != want {
				t.Errorf("%d were granted, want %d", granted, want)
			}
		})
	}
}

func TestTheBudgetRefusesNonsense(t *testing.T) {
	w := newWorld(t, newMemory(t), "tenants")
	w.registered()
	for _, limits := range []Limits{{-1, 1}, {1, -1}, {501, 1}, {1, 501}} {
		_, err := w.budget(limits.Concurrent, limits.PerHour).Take(t.Context(), "acme", arn("one"))
		wants(t, err, fault.InvalidConfiguration)
	}
	_, err := w.budget(1, 1).Take(t.Context(), "#budget", arn("one"))
	wants(t, err, fault.InvalidInput)
	_, err = w.budget(1, 1).Take(t.Context(), "acme", "")
	wants(t, err, fault.InvalidInput)
	wants(t, w.budget(1, 1).Turn(t.Context(), Switch{Stopped: true, By: "Ada"}), fault.InvalidInput)
	wants(t, w.budget(1, 1).Turn(t.Context(), Switch{Stopped: true, Reason: "r"}), fault.InvalidInput)
}
