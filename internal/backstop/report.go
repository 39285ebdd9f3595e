// Package backstop speaks for executions that could not speak for themselves: those that ran out of time, were stopped, or
// stumbled where no Catch sees it. None of them has run its own last steps.
package backstop

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// Request starts the backstop; a rule fills it from Step Functions' own event.
type Request struct {
	ExecutionARN string `json:"execution_arn"` // the execution that has ended
}

// ReportInput is the payload of ReportFailure.
type ReportInput struct {
	Input     json.RawMessage `json:"input"`
	Execution task.Execution  `json:"execution"`
}

// Validate checks the part that the state machine itself fills.
func (in ReportInput) Validate() error { return in.Execution.Validate() }

// ExecutionARN is the backstop's own execution.
func (in ReportInput) ExecutionARN() string { return in.Execution.ARN }

// Report is what is known of the ended execution.
type Report struct {
	// Silent: the execution has not told anybody how it ended.
	Silent    bool      `json:"silent"`
	Execution string    `json:"execution"` // its ARN
	StartedAt time.Time `json:"started_at"`
	Machine   string    `json:"machine"` // its state machine's name
	Status    string    `json:"status"`  // FAILED, TIMED_OUT or ABORTED
	Error     string    `json:"error"`   // as Step Functions names it; empty for one that was stopped
	TenantID  string    `json:"tenant_id"`
	// LeftBehind: it still holds its tenant's lease, so whatever it began is half done.
	LeftBehind bool `json:"left_behind"`
}

// Executions describes executions; *sfn.Client fits.
type Executions interface {
	DescribeExecution(context.Context, *sfn.DescribeExecutionInput, ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error)
}

// Tenants finds a tenant as it is now; TenantUnknown where there is none.
type Tenants interface {
	Find(ctx context.Context, id string) (tenant.Tenant, error)
}

// Reporter is the step ReportFailure.
type Reporter struct {
	Executions Executions
	Tenants    Tenants
}

// endings are the errors under which an execution of ours ends by its own last steps: those have told already.
var endings = []string{"FailedClean", "FailedDirty"}

// Report looks at an execution that has ended. Faults: InvalidInput, AWSUnavailable, AWSRefused; Unexpected for one that
// still runs.
func (r Reporter) Report(ctx context.Context, in ReportInput) (Report, error) {
	var request Request
	if err := strictjson.Unmarshal(in.Input, &request); err != nil {
		return Report{}, fault.InvalidInput.Tellf("%w", err)
	}
	machine, err := machineOf(request.ExecutionARN)
	if err != nil {
		return Report{}, fault.InvalidInput.Tellf("%w", err)
	}
	ended, err := r.Executions.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &request.ExecutionARN})
	if err != nil {
		return Report{}, awsfault.From(err, "describe %s", request.ExecutionARN)
	}
	out := Report{
		Execution: request.ExecutionARN, StartedAt: aws.ToTime(ended.StartDate).UTC(), Machine: machine, Status: string(ended.Status),
		Error: aws.ToString(ended.Error),
	}
	switch ended.Status {
	case types.ExecutionStatusTimedOut, types.ExecutionStatusAborted:
		out.Silent = true
	case types.ExecutionStatusFailed:
		out.Silent = out.Error != endings[0] && out.Error != endings[1]
	case types.ExecutionStatusRunning, types.ExecutionStatusPendingRedrive:
		return Report{}, fault.Unexpected.Errorf("%s is %s: it has not ended", request.ExecutionARN, ended.Status)
	}
	if !out.Silent {
		return out, nil
	}
	return r.tenant(ctx, out, aws.ToString(ended.Input))
}

// tenant adds whose lease the execution still holds. An input that names no tenant of ours took no lease.
func (r Reporter) tenant(ctx context.Context, out Report, input string) (Report, error) {
	var typed struct {
		TenantID string `json:"tenant_id"`
	}
	if json.Unmarshal([]byte(input), &typed) != nil || typed.TenantID == "" {
		return out, nil
	}
	found, err := r.Tenants.Find(ctx, typed.TenantID)
	switch {
	case fault.Is(err, fault.TenantUnknown), fault.Is(err, fault.InvalidInput):
		return out, nil
	case err != nil:
		return Report{}, err
	}
	out.TenantID, out.LeftBehind = found.ID, found.Lease.Holder == out.Execution
	return out, nil
}

// machineOf is the state machine of an execution, by its ARN: …:execution:<machine>:<name>.
func machineOf(execution string) (string, error) {
	parsed, err := arn.Parse(execution)
	if err == nil && parsed.Service == "states" {
		if kind, rest, _ := strings.Cut(parsed.Resource, ":"); kind == "execution" {
			if machine, name, ok := strings.Cut(rest, ":"); ok && machine != "" && name != "" {
				return machine, nil
			}
		}
	}
	return "", errors.New("execution_arn is not the ARN of an execution")
}
