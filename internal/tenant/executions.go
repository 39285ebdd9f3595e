package tenant

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// StepFunctions are the Executions of the account.
type StepFunctions struct {
	Client interface {
		DescribeExecution(context.Context, *sfn.DescribeExecutionInput, ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error)
	}
}

// DescribeExecution is eventually consistent: an execution that was started this moment may not be there yet. One that
// is not there is looked for looks times before it counts as unknown.
const (
	looks = 3
	apart = 500 * time.Millisecond
)

// Running reports whether the execution still runs. One that Step Functions does not know has ended long ago (histories
// are kept for 90 days) or never was. Faults: AWSUnavailable, AWSRefused.
func (s StepFunctions) Running(ctx context.Context, executionARN string) (bool, error) {
	out, err := s.describe(ctx, executionARN)
	if err != nil || out == nil {
		return false, err
	}
	// A redrive that is pending will run: PENDING_REDRIVE counts too.
	return out.Status == types.ExecutionStatusRunning || out.Status == types.ExecutionStatusPendingRedrive, nil
}

// describe is nil for an execution that Step Functions does not know.
func (s StepFunctions) describe(ctx context.Context, executionARN string) (*sfn.DescribeExecutionOutput, error) {
	for look := 1; ; look++ {
		out, err := s.Client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &executionARN})
		var unknown *types.ExecutionDoesNotExist
		switch {
		case errors.As(err, &unknown) && look == looks:
			return nil, nil
		case errors.As(err, &unknown):
		case err != nil:
			return nil, awsfault.From(err, "describe %s", executionARN)
		default:
			return out, nil
		}
		select {
		case <-time.After(apart):
		case <-ctx.Done():
			return nil, fault.AWSUnavailable.Errorf("describe %s: %w", executionARN, ctx.Err())
		}
	}
}
