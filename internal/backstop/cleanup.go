package backstop

import (
	"context"
	"errors"

	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// CleanUpInput names whose remains are to be cleaned up.
type CleanUpInput struct {
	TenantID  string `json:"tenant_id"`
	Execution string `json:"execution"` // ARN of the execution that left them
}

// Validate refuses an input that names nobody.
func (in CleanUpInput) Validate() error {
	if in.TenantID == "" {
		return errors.New("tenant_id is missing")
	}
	_, err := machineOf(in.Execution)
	return err
}

// CleaningUp says whether a clean-up was started.
type CleaningUp struct {
	Started bool `json:"started"`
}

// Automation reads the stop switch.
type Automation interface {
	Switch(context.Context) (tenant.Switch, error)
}

// Cleaner is the step StartCleanUp.
type Cleaner struct {
	Automation Automation
	Machine    launch.Machine // vps-recovery
}

// request is the input of vps-recovery, as far as the backstop says anything.
type request struct {
	TenantID    string `json:"tenant_id"`
	Mode        string `json:"mode"`
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"`
}

// Start starts vps-recovery in the mode clean-up, once for each execution that left something behind: a repeated step finds
// its first. While all automation is stopped it starts nothing. Faults: InvalidInput, AWSUnavailable, AWSRefused.
func (c Cleaner) Start(ctx context.Context, in CleanUpInput) (CleaningUp, error) {
	automation, err := c.Automation.Switch(ctx)
	if err != nil || automation.Stopped {
		return CleaningUp{}, err
	}
	_, err = c.Machine.Start(ctx, "clean-up-"+launch.Digest(in.Execution, 16), request{
		TenantID: in.TenantID, Mode: "clean-up", Reason: "an execution ended without cleaning up", RequestedBy: "backstop",
	})
	return CleaningUp{Started: err == nil}, err
}
