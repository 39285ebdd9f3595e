package watch

import (
	"context"
	"slices"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// Automation reads the stop switch.
type Automation interface {
	Switch(context.Context) (tenant.Switch, error)
}

// Settler has those looked at again about whose credential Vault, the registry and the server were not seen to agree: a server
// that did not answer, or a rotation that failed.
type Settler struct {
	Automation Automation
	Restores   tenant.Restores
	Machine    launch.Machine // reconcile-after-restore
}

// again is the input of reconcile-after-restore, as far as the sweep says anything.
type again struct {
	Again       bool   `json:"again"`
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"`
}

// settling is how long the rotations of one look are given before the next.
const settling = 10 * time.Minute

// settle starts a further look, at most one in an hour, not while automation is stopped and not while Vault is restored.
// Faults: AWSUnavailable, AWSRefused.
func (s Settler) settle(ctx context.Context, tenants []tenant.Tenant, now time.Time) (started bool, err error) {
	if !slices.ContainsFunc(tenants, func(t tenant.Tenant) bool { return t.Unsettled() && now.Sub(t.StaleSince) >= settling }) {
		return false, nil
	}
	automation, err := s.Automation.Switch(ctx)
	if err != nil || automation.Stopped {
		return false, err
	}
	err = s.Restores.Guard(ctx)
	if fault.Is(err, fault.RestoreUnderway) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return s.Machine.Start(ctx, "again-"+now.UTC().Format("20060102T15Z"), again{
		Again: true, Reason: "not seen to agree", RequestedBy: "events.amazonaws.com",
	})
}
