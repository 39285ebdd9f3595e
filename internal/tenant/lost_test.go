package tenant

import (
	"reflect"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Every write may take effect and its answer be lost. Whoever then asks again gets the answer that was lost, and the
// effect is there once.
func TestLostAnswers(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		twice := func(what string, call func() (any, error)) (answer any) {
			t.Helper()
			w.db.lose = 1
			before := w.db.writes
			_, err := call()
			wants(t, err, fault.AWSUnavailable)
			answer, err = call()
			if err != nil || w.db.writes != before+1 {
				t.Errorf("%s: got %v, %v after %d writes", what, answer, err, w.db.writes-before)
			}
			return answer
		}

		if got := twice("register", func() (any, error) {
			return w.registrar().Register(ctx, Registration{Description: acme()})
		}); got != (Registered{"acme", 1}) {
			t.Errorf("registered %v", got)
		}
		next := acme()
		next.Name = "Acme Puffins"
		if got := twice("update", func() (any, error) { return w.registrar().Register(ctx, Registration{next, 1}) }); got != (Registered{"acme", 2}) {
			t.Errorf("registered %v", got)
		}
		one := w.start("one")
		if got := twice("lock", func() (any, error) { l, err := w.lock(one); return l.Fencing, err }); got != int64(1) {
			t.Errorf("locked with %v", got)
		}
		w.end(one)
		two := w.start("two")
		if got := twice("take over", func() (any, error) {
			l, err := w.lock(two)
			return strings.Join(l.Tenant.Lease.LeftBehind, " "), err
		}); got != one {
			t.Errorf("took over from %v", got)
		}
		if got := twice("move", func() (any, error) { return w.registry().Move(ctx, newServer(2, 2)) }); got != (Moved{"acme", 3}) {
			t.Errorf("moved %v", got)
		}
		twice("rotate", func() (any, error) {
			return nil, w.registry().SetCredential(ctx, Rotation{"acme", "cred-1", "cred-2"})
		})
		if got := w.tenant(); got.Generation != 4 || got.CredentialID != "cred-2" || got.VPS != newServer(2, 2).VPS || got.Name != next.Name {
			t.Errorf("the registry has %+v", got)
		}
		b := w.budget(2, 2)
		if got := twice("take", func() (any, error) { return b.Take(ctx, "acme", two) }); got != Granted {
			t.Errorf("took %v", got)
		}
		// What is unconditional is done again: to the same end.
		w.db.lose = 2
		wants(t, b.Turn(ctx, Switch{Stopped: true, Reason: "drill", By: "Ada"}), fault.AWSUnavailable)
		_, err := w.registry().Unlock(ctx, Release{"acme", 2})
		wants(t, err, fault.AWSUnavailable)
		if got, err := w.registry().Unlock(ctx, Release{"acme", 2}); err != nil || !got.Released {
			t.Errorf("unlock: %v, %v", got, err)
		}
		if got := w.tenant().Lease; !reflect.DeepEqual(got, Lease{Fencing: 2, LeftBehind: []string{}}) {
			t.Errorf("the lease is %+v", got)
		}
		if s, err := b.Switch(ctx); err != nil || !s.Stopped {
			t.Errorf("the switch is %+v, %v", s, err)
		}
	})
}
