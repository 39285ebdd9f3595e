package backup

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/go-json-experiment/json"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// ChangeInput says that something in Vault was changed, and by whom.
type ChangeInput struct {
	TenantID  string         `json:"tenant_id"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses a change that is nobody's.
func (in ChangeInput) Validate() error {
	if in.TenantID == "" {
		return errors.New("tenant_id is missing")
	}
	return in.Execution.Validate()
}

// OnChange is the backup that was asked for.
type OnChange struct {
	Execution string `json:"execution"` // ARN
	// Started: it is this call's; otherwise one had been started within the same five minutes.
	Started bool `json:"started"`
}

// Executions starts executions; *sfn.Client fits.
type Executions interface {
	StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
}

// Starter is the step StartBackup.
type Starter struct {
	Executions Executions
	Machine    string // ARN of vault-backup
	Now        func() time.Time
}

// bucket is within how long changes start one backup.
const bucket = 5 * time.Minute

// Start starts vault-backup, at most once in five minutes: the execution is named by them. Faults: AWSUnavailable,
// AWSRefused.
func (s Starter) Start(ctx context.Context, in ChangeInput) (OnChange, error) {
	name := "on-change-" + s.Now().UTC().Truncate(bucket).Format("20060102T1504Z")
	out := OnChange{Execution: strings.Replace(s.Machine, ":stateMachine:", ":execution:", 1) + ":" + name, Started: true}
	input, err := json.Marshal(struct {
		Tier        archive.Tier `json:"tier"`
		Reason      string       `json:"reason"`
		RequestedBy string       `json:"requested_by"`
	}{archive.OnChange, "a credential of " + in.TenantID + " was changed", in.Execution.ARN})
	if err != nil {
		return OnChange{}, fault.Unexpected.Errorf("the input of vault-backup: %w", err)
	}
	_, err = s.Executions.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &s.Machine, Name: &name, Input: aws.String(string(input)),
	})
	var there *types.ExecutionAlreadyExists
	switch {
	case errors.As(err, &there):
		out.Started = false
	case err != nil:
		return OnChange{}, awsfault.From(err, "start %s", out.Execution)
	}
	return out, nil
}
