package backstop

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

// Starter starts executions; *sfn.Client fits.
type Starter interface {
	StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
}

// Automation reads the stop switch.
type Automation interface {
	Switch(context.Context) (tenant.Switch, error)
}

// Cleaner is the step StartCleanUp.
type Cleaner struct {
	Executions Starter
	Automation Automation
	Machine    string // ARN of vps-recovery
}

// Start starts vps-recovery in the mode clean-up, once for each execution that left something behind: a repeated step finds
// its first. While all automation is stopped it starts nothing. Faults: InvalidInput, AWSUnavailable, AWSRefused.
func (c Cleaner) Start(ctx context.Context, in CleanUpInput) (CleaningUp, error) {
	automation, err := c.Automation.Switch(ctx)
	if err != nil || automation.Stopped {
		return CleaningUp{}, err
	}
	input, err := json.Marshal(map[string]string{
		"tenant_id": in.TenantID, "mode": "clean-up", "reason": "an execution ended without cleaning up", "requested_by": "backstop",
	})
	if err != nil {
		return CleaningUp{}, fault.Unexpected.Errorf("encode the start input: %w", err)
	}
	sum := sha256.Sum256([]byte(in.Execution))
	_, err = c.Executions.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &c.Machine, Name: aws.String("clean-up-" + hex.EncodeToString(sum[:16])), Input: aws.String(string(input)),
	})
	var exists *types.ExecutionAlreadyExists
	if err != nil && !errors.As(err, &exists) {
		return CleaningUp{}, awsfault.From(err, "start a clean-up of %s", in.TenantID)
	}
	return CleaningUp{Started: true}, nil
}
