package watch

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/go-json-experiment/json"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// Budget bounds what starts by itself; tenant.Budget is it.
type Budget interface {
	Take(ctx context.Context, tenantID, execution string) (tenant.Verdict, error)
}

// Machines starts executions; *sfn.Client fits.
type Machines interface {
	StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
}

// Starter starts vps-recovery as far as the budget allows.
type Starter struct {
	Budget   Budget
	Machines Machines
	Machine  string // ARN of the state machine vps-recovery
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
	execution := strings.Replace(s.Machine, ":stateMachine:", ":execution:", 1) + ":" + name
	var err error
	if out.Verdict, err = s.Budget.Take(ctx, r.TenantID, execution); err != nil {
		return Start{}, err
	}
	slog.InfoContext(ctx, "asked the budget", "tenant_id", r.TenantID, "verdict", out.Verdict, "execution", execution)
	if out.Verdict != tenant.Granted {
		return out, nil
	}
	input, err := json.Marshal(r)
	if err != nil {
		return Start{}, fault.Unexpected.Errorf("the input of vps-recovery: %w", err)
	}
	_, err = s.Machines.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &s.Machine, Name: &name, Input: aws.String(string(input)),
	})
	var there *types.ExecutionAlreadyExists
	if err != nil && !errors.As(err, &there) {
		return Start{}, awsfault.From(err, "start %s", execution)
	}
	out.Execution = execution
	return out, nil
}
