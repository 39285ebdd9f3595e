package reconcile

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
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

// Machines starts executions; *sfn.Client fits.
type Machines interface {
	StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
}

// Starter is the step StartRotations.
type Starter struct {
	Machines Machines
	Machine  string // ARN of credential-rotation
}

// Start starts one rotation for each tenant, once for this execution: repeated, it finds those that it has started. Each of
// them tells by itself how it ended. Faults: InvalidInput, AWSUnavailable, AWSRefused.
func (s Starter) Start(ctx context.Context, in StartInput) (Rotations, error) {
	for i, id := range in.Tenants {
		input, err := json.Marshal(map[string]string{
			"tenant_id": id, "reason": "Vault was restored to an older credential", "requested_by": "reconcile-after-restore",
		})
		if err != nil {
			return Rotations{}, fault.Unexpected.Errorf("encode the start input: %w", err)
		}
		sum := sha256.Sum256([]byte(in.Execution.ARN + " " + id))
		_, err = s.Machines.StartExecution(ctx, &sfn.StartExecutionInput{
			StateMachineArn: &s.Machine, Name: aws.String("after-restore-" + hex.EncodeToString(sum[:16])), Input: aws.String(string(input)),
		})
		var exists *types.ExecutionAlreadyExists
		if err != nil && !errors.As(err, &exists) {
			return Rotations{}, awsfault.From(err, "start the rotation of %s, after %d others", id, i)
		}
	}
	return Rotations{Started: len(in.Tenants)}, nil
}
