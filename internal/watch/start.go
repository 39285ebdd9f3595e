package watch

import (
	"context"
	"log/slog"

	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// Budget bounds what starts by itself; tenant.Budget is it.
type Budget interface {
	Take(ctx context.Context, tenantID, execution string) (tenant.Verdict, error)
}

// Starter starts vps-recovery as far as the budget allows.
type Starter struct {
	Budget  Budget
	Machine launch.Machine // vps-recovery
}

// Start is what became of one dead server. Execution is the ARN of what runs for it, empty unless the verdict is granted.
type Start struct {
	TenantID  string         `json:"tenant_id"`
	Verdict   tenant.Verdict `json:"verdict"`
	Execution string         `json:"execution"`
}

// request is the input of vps-recovery, as far as the watch says anything.
type request struct {
	TenantID    string `json:"tenant_id"`
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"`
}

// start takes a share of the budget for the execution of that name, then starts it. The share comes first, for nobody takes
// an execution back; so that whoever gets no answer asks again, and an execution that is there already is what was wanted.
//
// Faults: those of the budget; AWSUnavailable, AWSRefused.
func (s Starter) start(ctx context.Context, name string, r request) (Start, error) {
	out := Start{TenantID: r.TenantID}
	execution := s.Machine.Execution(name)
	var err error
	if out.Verdict, err = s.Budget.Take(ctx, r.TenantID, execution); err != nil {
		return Start{}, err
	}
	slog.InfoContext(ctx, "asked the budget", "tenant_id", r.TenantID, "verdict", out.Verdict, "execution", execution)
	if out.Verdict != tenant.Granted {
		return out, nil
	}
	if _, err := s.Machine.Start(ctx, name, r); err != nil {
		return Start{}, err
	}
	out.Execution = execution
	return out, nil
}
