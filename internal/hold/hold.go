// Package hold keeps back what would write to Vault, or build on what it says, while Vault is being restored: what is
// written to it then is lost, and what it says may be of yesterday.
//
// Step Functions is asked, and no flag is kept: an execution that died holds nothing. A rotation is held before it stages a
// credential and before it changes the server; one that was further than that by then is found afterwards by
// reconcile-after-restore, for what Mailu holds is not what Vault does.
package hold

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/go-json-experiment/json"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// Executions knows the executions of a state machine; *sfn.Client fits.
type Executions interface {
	ListExecutions(context.Context, *sfn.ListExecutionsInput, ...func(*sfn.Options)) (*sfn.ListExecutionsOutput, error)
	DescribeExecution(context.Context, *sfn.DescribeExecutionInput, ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error)
}

// Config says which machine restores Vault.
type Config struct {
	Machine string `env:"RESTORE_MACHINE_ARN,required"` // ARN of vault-restore
}

// Restores are the executions of vault-restore.
type Restores struct {
	Executions Executions
	Config     Config
}

// Open prepares the look at the restores; it makes no call.
func Open(cfg aws.Config, c Config) Restores {
	return Restores{Config: c, Executions: sfn.NewFromConfig(cfg)}
}

// Guard is RestoreUnderway, with the execution's ARN, while Vault is being restored. A plan of a restore holds nothing. The
// list is some seconds old, so an execution on it is looked at once more; one that has just begun may be missing there, and
// looks at its backup and at Vault before it touches anything.
//
// Faults: RestoreUnderway, AWSUnavailable, AWSRefused.
func (r Restores) Guard(ctx context.Context) error {
	return r.none(ctx, func(types.ExecutionListItem) bool { return true })
}

// Alone is RestoreUnderway, with the execution's ARN, while a restore runs that began before this one. Two at once would take
// each other's half made node for a Vault that is only sealed.
//
// Faults: those of Guard.
func (r Restores) Alone(ctx context.Context, this task.Execution) error {
	return r.none(ctx, func(e types.ExecutionListItem) bool {
		arn, began := aws.ToString(e.ExecutionArn), aws.ToTime(e.StartDate)
		return arn != this.ARN && (began.Before(this.StartedAt) || began.Equal(this.StartedAt) && arn < this.ARN)
	})
}

// none is RestoreUnderway while a restore runs that counts.
func (r Restores) none(ctx context.Context, counts func(types.ExecutionListItem) bool) error {
	pages := sfn.NewListExecutionsPaginator(r.Executions, &sfn.ListExecutionsInput{
		StateMachineArn: &r.Config.Machine, StatusFilter: types.ExecutionStatusRunning,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return awsfault.From(err, "list the restores that run")
		}
		for _, e := range page.Executions {
			if !counts(e) {
				continue
			}
			restores, err := r.restores(ctx, e.ExecutionArn)
			if err != nil {
				return err
			}
			if restores {
				return fault.RestoreUnderway.Tellf("%s runs", aws.ToString(e.ExecutionArn))
			}
		}
	}
	return nil
}

// restores reports whether the execution runs and is no plan.
func (r Restores) restores(ctx context.Context, execution *string) (bool, error) {
	described, err := r.Executions.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: execution})
	if err != nil {
		return false, awsfault.From(err, "describe %s", aws.ToString(execution))
	}
	var asked struct {
		Mode string `json:"mode"`
	}
	// An input of another form is refused by the restore itself, in a moment.
	readable := json.Unmarshal([]byte(aws.ToString(described.Input)), &asked) == nil
	return described.Status == types.ExecutionStatusRunning && !(readable && asked.Mode == "plan"), nil
}
