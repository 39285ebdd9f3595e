package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// StartInput names the tenants whose credentials are to be rotated.
type StartInput struct {
	Tenants   []string       `json:"tenants"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input that names nobody.
func (in StartInput) Validate() error {
	if len(in.Tenants) == 0 {
		return errors.New("tenants is empty")
	}
	return in.Execution.Validate()
}

// Rotations is how many rotations were started.
type Rotations struct {
	Started int `json:"started"`
}

// rotation is the input of credential-rotation, as far as reconciliation says anything.
type rotation struct {
	TenantID    string `json:"tenant_id"`
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"`
}

// Starter is the step StartRotations.
type Starter struct {
	Machine launch.Machine // credential-rotation
}

// Start starts one rotation for each tenant, once for this execution: repeated, it finds those that it has started. Each of
// them tells by itself how it ended. Faults: InvalidInput, AWSUnavailable, AWSRefused.
func (s Starter) Start(ctx context.Context, in StartInput) (Rotations, error) {
	for i, id := range in.Tenants {
		_, err := s.Machine.Start(ctx, "after-restore-"+launch.Digest(in.Execution.ARN+" "+id, 16), rotation{
			TenantID: id, Reason: "Vault, the registry and the server did not agree", RequestedBy: "reconcile-after-restore",
		})
		if err != nil {
			return Rotations{}, fmt.Errorf("after %d others: %w", i, err)
		}
	}
	return Rotations{Started: len(in.Tenants)}, nil
}
