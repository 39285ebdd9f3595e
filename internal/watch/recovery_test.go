package watch

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/notice"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

func (w *world) responder() Responder { return Responder{Starter: w.starter(), Operators: w} }

func change(id, state, at string) Delivery {
	return Delivery{[]Alarm{{Name: AlarmName(id), State: state, ChangedAt: at}}}
}

func TestAnAlarmStartsARecoveryOnce(t *testing.T) {
	w := newWorld(t)
	for range 2 { // SNS may deliver twice
		got, err := w.responder().Respond(t.Context(), change("acme", "ALARM", "2026-11-24T06:00:12.345+0000"))
		if err != nil || len(got.Starts) != 1 {
			t.Fatalf("got %+v, %v", got, err)
		}
		want := Start{"acme", tenant.Granted, "arn:aws:states:us-east-1:123456789012:execution:vps-recovery:acme-4bb899644ce28bba"}
		if got.Starts[0] != want {
			t.Errorf("got %+v, want %+v", got.Starts[0], want)
		}
	}
	if len(w.started) != 1 || len(w.told) != 0 {
		t.Fatalf("started %v, told %v", w.started, w.told)
	}
	for _, input := range w.started {
		var got tenant.Request
		if err := strictjson.Unmarshal([]byte(input), &got); err != nil {
			t.Fatal(err)
		}
		if got != (tenant.Request{TenantID: "acme", Reason: "alarm pmdr-server-down-acme", RequestedBy: "cloudwatch.amazonaws.com"}) {
			t.Errorf("started with %s", input)
		}
	}
	// The next change of state is another event.
	if _, err := w.responder().Respond(t.Context(), change("acme", "ALARM", "2026-11-24T08:00:12.345+0000")); err != nil || len(w.started) != 2 {
		t.Errorf("started %v, %v", slices.Sorted(maps.Keys(w.started)), err)
	}
}

func TestOtherStatesStartNothing(t *testing.T) {
	w := newWorld(t)
	for _, state := range []string{"OK", "INSUFFICIENT_DATA"} {
		got, err := w.responder().Respond(t.Context(), change("acme", state, "2026-11-24T06:00:12.345+0000"))
		if err != nil || len(got.Starts) != 0 {
			t.Errorf("%s: %+v, %v", state, got, err)
		}
	}
	if len(w.asked) != 0 || len(w.told) != 0 {
		t.Errorf("asked the budget for %v, told %v", w.asked, w.told)
	}
}

// Nobody is left in the belief that a machine takes care.
func TestWhoeverIsNotRecoveredIsToldOf(t *testing.T) {
	for verdict, says := range map[tenant.Verdict]string{
		tenant.Stopped: "All automation", tenant.Suppressed: "of this tenant", tenant.TenantSpent: "This tenant has had",
		tenant.TooMany: "at once", tenant.HourSpent: "within the last hour as may", tenant.UnderWay: "", tenant.Restoring: "Vault is being restored",
	} {
		w := newWorld(t)
		w.verdicts["acme"] = verdict
		got, err := w.responder().Respond(t.Context(), change("acme", "ALARM", "2026-11-24T06:00:12.345+0000"))
		if err != nil || len(got.Starts) != 1 || got.Starts[0] != (Start{"acme", verdict, ""}) {
			t.Errorf("%s: %+v, %v", verdict, got, err)
		}
		if len(w.started) != 0 {
			t.Errorf("%s: started %v", verdict, w.started)
		}
		if says == "" {
			if len(w.told) != 0 {
				t.Errorf("%s: told %+v", verdict, w.told)
			}
			continue
		}
		if len(w.told) != 1 || !strings.Contains(w.told[0].Why, says) {
			t.Errorf("%s: told %+v", verdict, w.told)
			continue
		}
		if n := w.told[0]; n != (notice.NotStarted{TenantID: "acme", Alarm: "pmdr-server-down-acme", Since: "2026-11-24T06:00:12.345+0000", Why: n.Why}) {
			t.Errorf("%s: told %+v", verdict, n)
		}
	}
}

func TestARecoveryThatCannotBeStartedIsAFault(t *testing.T) {
	alarm := change("acme", "ALARM", "2026-11-24T06:00:12.345+0000")
	w := newWorld(t)
	w.verdicts["acme"] = "nobody"
	_, err := w.responder().Respond(t.Context(), alarm)
	wants(t, err, fault.TenantUnknown)

	w = newWorld(t)
	w.down = context.DeadlineExceeded
	_, err = w.responder().Respond(t.Context(), alarm)
	wants(t, err, fault.AWSUnavailable)
	w.down = nil
	if _, err := w.responder().Respond(t.Context(), alarm); err != nil || len(w.started) != 1 {
		t.Errorf("delivered again: started %v, %v", w.started, err)
	}

	w = newWorld(t)
	w.verdicts["acme"], w.mute = tenant.Stopped, fault.AWSUnavailable.Errorf("no route")
	_, err = w.responder().Respond(t.Context(), alarm)
	wants(t, err, fault.AWSUnavailable)
}

func TestExecutionNames(t *testing.T) {
	longest := strings.Repeat("a", 63)
	names := map[string]bool{}
	for _, name := range []string{
		executionName(longest, AlarmName(longest), "2026-11-24T06:00:12.345+0000"),
		executionName("acme", AlarmName("acme"), "2026-11-24T06:00:12.345+0000"),
		executionName("acme", AlarmName("acme"), "2026-11-24T06:00:12.346+0000"),
		executionName("acme", "sweep", "2026-11-24T06:00:12Z"),
		executionName("globex", "sweep", "2026-11-24T06:00:12Z"),
	} {
		if names[name] || len(name) > 80 || strings.Contains(name, ":") {
			t.Errorf("%q, %d characters", name, len(name))
		}
		names[name] = true
	}
	if again := executionName("acme", "sweep", "2026-11-24T06:00:12Z"); !names[again] {
		t.Errorf("%s is new", again)
	}
}
