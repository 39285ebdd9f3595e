// Package start looks at the very text that an execution was started with. Step Functions parses it before any step sees
// it, and of a field that is there twice it hands on one: which one, it does not promise. For a restore that is the
// difference between two days.
package start

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// Executions is the one call of Step Functions that the guard needs.
type Executions interface {
	DescribeExecution(context.Context, *sfn.DescribeExecutionInput, ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error)
}

// Request is the payload of a runbook's first step: it knows its execution.
type Request interface{ ExecutionARN() string }

// Guard lets a runbook's first step run only if the text that the execution was started with is unambiguous; otherwise
// the fault is InvalidInput. A step that is invoked by hand, with an execution that does not exist, is let through: its
// payload came as it was typed, and the step itself decodes it strictly.
func Guard[In Request, Out any](executions Executions, step task.Handler[In, Out]) task.Handler[In, Out] {
	return func(ctx context.Context, in In) (none Out, err error) {
		described, err := executions.DescribeExecution(ctx, &sfn.DescribeExecutionInput{
			ExecutionArn: aws.String(in.ExecutionARN()),
		})
		var unknown *types.ExecutionDoesNotExist
		switch {
		case errors.As(err, &unknown):
			return step(ctx, in)
		case err != nil:
			return none, awsfault.From(err, "read the start input")
		}
		var typed jsontext.Value
		if err := strictjson.Unmarshal([]byte(aws.ToString(described.Input)), &typed); err != nil {
			return none, fault.InvalidInput.Tellf("%w", err)
		}
		return step(ctx, in)
	}
}
