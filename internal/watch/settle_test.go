package watch

import (
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/reconcile"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

// Whoever was not seen to agree is looked at again every hour, until a look takes the note away.
func TestTheSweepHasTheUnsettledLookedAtAgain(t *testing.T) {
	w := newWorld(t)
	w.live("well", "in-hand", "doubted")
	sweep := func(after time.Duration) bool {
		t.Helper()
		got, err := w.sweeper().Sweep(t.Context(), SweepInput{noon.Add(after)})
		if err != nil {
			t.Fatal(err)
		}
		return got.LookingAgain
	}
	w.tenants[1].StaleSince, w.tenants[1].Suppressed = noon.Add(-time.Hour), true
	if sweep(0) {
		t.Error("people have that tenant in hand")
	}
	w.tenants[2].StaleSince = noon
	if sweep(9 * time.Minute) {
		t.Error("its rotation may still run")
	}
	w.stopped = true
	if sweep(10 * time.Minute) {
		t.Error("all automation is stopped")
	}
	w.stopped, w.restore = false, fault.RestoreUnderway.Tellf("one runs")
	if sweep(10 * time.Minute) {
		t.Error("Vault is being restored")
	}
	w.restore = nil
	for _, step := range []struct {
		after time.Duration
		want  bool
	}{{10 * time.Minute, true}, {15 * time.Minute, false}, {59 * time.Minute, false}, {60 * time.Minute, true}, {65 * time.Minute, false}} {
		if got := sweep(step.after); got != step.want {
			t.Errorf("%v after the first look: %t", step.after, got)
		}
	}
	var r reconcile.Request
	if err := strictjson.Unmarshal([]byte(w.started["again-20261124T12Z"]), &r); err != nil || !r.Again || r.RequestedBy == "" || r.Validate() != nil {
		t.Errorf("started with %+v, %v", r, err)
	}
	w.restore = fault.AWSUnavailable.Errorf("silent")
	if _, err := w.sweeper().Sweep(t.Context(), SweepInput{noon.Add(3 * time.Hour)}); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("nobody knows whether Vault is being restored: %v", err)
	}
}
