package tenant

import (
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

func TestSetAutomation(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		a := Automation{w.budget(5, 5)}
		set := func(stopped bool, tenantID string) {
			t.Helper()
			s := Setting{Stopped: stopped, TenantID: tenantID, Reason: "provider moves house", RequestedBy: "Ada"}
			for range 2 {
				if got, err := a.Set(t.Context(), s); err != nil || got != s {
					t.Errorf("got %+v, %v", got, err)
				}
			}
		}
		set(true, "")
		if s, err := a.Budget.Switch(t.Context()); err != nil || s != (Switch{true, "provider moves house", "Ada", w.now}) {
			t.Errorf("the switch is %+v, %v", s, err)
		}
		w.takes(a.Budget, "acme", arn("one"), Stopped)
		set(false, "")
		set(true, "acme")
		w.takes(a.Budget, "acme", arn("one"), Suppressed)
		set(false, "acme")
		w.takes(a.Budget, "acme", w.start("one"), Granted)
		_, err := a.Set(t.Context(), Setting{Stopped: true, TenantID: "nobody", Reason: "r", RequestedBy: "Ada"})
		wants(t, err, fault.TenantUnknown)
	})
}

func TestASettingSaysWhoAndWhy(t *testing.T) {
	good := Setting{Stopped: true, TenantID: "acme", Reason: "drill", RequestedBy: "Ada"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Setting){
		"no reason":    func(s *Setting) { s.Reason = "" },
		"nobody":       func(s *Setting) { s.RequestedBy = "" },
		"two lines":    func(s *Setting) { s.Reason = "drill\nNext: nothing" },
		"no tenant id": func(s *Setting) { s.TenantID = "#budget" },
	} {
		s := good
		if spoil(&s); s.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
