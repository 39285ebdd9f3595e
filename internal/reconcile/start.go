package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// atOnce is how many rotations may run when another is started. After a restore hundreds of credentials can be stale at
// once: all of them together would take the account's share of Lambda from every other runbook, and fail for it.
const atOnce = 10

// StartInput names the tenants whose credentials are to be rotated, in order.
type StartInput struct {
	Tenants []string `json:"tenants"`
	// Started counts the first of them, whose rotations were started before; Rounds counts how often that was done.
	Started   int            `json:"started"`
	Rounds    int            `json:"rounds"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input that names nobody, or more as started than there are.
func (in StartInput) Validate() error {
	switch {
	case len(in.Tenants) == 0:
		return errors.New("tenants is empty")
	case in.Started < 0 || in.Started > len(in.Tenants):
		return fmt.Errorf("started is not between 0 and %d", len(in.Tenants))
	}
	return in.Execution.Validate()
}

// Rotations is how far the rotations are.
type Rotations struct {
	Started int  `json:"started"`
	Waiting int  `json:"waiting"`
	Done    bool `json:"done"` // nobody waits
	// Rounds counts up to and with this one.
	Rounds int `json:"rounds"`
}

// rotation is the input of credential-rotation, as far as reconciliation says anything.
type rotation struct {
	TenantID    string `json:"tenant_id"`
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"`
}

// Executions knows what runs; *sfn.Client fits.
type Executions interface {
	ListExecutions(context.Context, *sfn.ListExecutionsInput, ...func(*sfn.Options)) (*sfn.ListExecutionsOutput, error)
}

// Starter is the step StartRotations.
type Starter struct {
	Machine launch.Machine // credential-rotation
	Running Executions
}

// Start starts one rotation for each of the next tenants, as many as there is room for, once for this execution: repeated,
// it finds those that it has started. Each of them tells by itself how it ended. Faults: InvalidInput, AWSUnavailable,
// AWSRefused.
func (s Starter) Start(ctx context.Context, in StartInput) (Rotations, error) {
	room, err := s.room(ctx)
	if err != nil {
		return Rotations{}, err
	}
	next := in.Tenants[in.Started:min(in.Started+room, len(in.Tenants))]
	for i, id := range next {
		_, err := s.Machine.Start(ctx, "after-restore-"+launch.Digest(in.Execution.ARN+" "+id, 16), rotation{
			TenantID: id, Reason: "Vault, the registry and the server did not agree", RequestedBy: "reconcile-after-restore",
		})
		if err != nil {
			return Rotations{}, fmt.Errorf("after %d others: %w", in.Started+i, err)
		}
	}
	started := in.Started + len(next)
	waiting := len(in.Tenants) - started
	return Rotations{Started: started, Waiting: waiting, Done: waiting == 0, Rounds: in.Rounds + 1}, nil
}

// room is how many rotations may be started now. Whoever started those that run counts for nothing, and the list is some
// seconds old: the limit is one of order.
func (s Starter) room(ctx context.Context) (int, error) {
	list, err := s.Running.ListExecutions(ctx, &sfn.ListExecutionsInput{
		StateMachineArn: &s.Machine.ARN, StatusFilter: types.ExecutionStatusRunning, MaxResults: atOnce,
	})
	if err != nil {
		return 0, awsfault.From(err, "list the rotations that run")
	}
	return atOnce - min(atOnce, len(list.Executions)), nil
}
