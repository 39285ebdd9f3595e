package runbook

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// history reads the execution's events into the path and the failures.
func (d Desk) history(ctx context.Context, r *Result) error {
	events, err := d.Events(ctx, r.ARN)
	if err != nil {
		return err
	}
	definition, err := d.definitionOf(ctx, r.ARN)
	if err != nil {
		return err
	}
	state := ""
	failed := func(name, cause *string) {
		r.Failures = append(r.Failures, Failure{state, definition.States[state].Function(), aws.ToString(name), aws.ToString(cause)})
	}
	for _, e := range events {
		switch {
		case e.StateEnteredEventDetails != nil:
			state = aws.ToString(e.StateEnteredEventDetails.Name)
			r.Path = append(r.Path, state)
		case e.LambdaFunctionFailedEventDetails != nil:
			failed(e.LambdaFunctionFailedEventDetails.Error, e.LambdaFunctionFailedEventDetails.Cause)
		case e.LambdaFunctionTimedOutEventDetails != nil:
			failed(e.LambdaFunctionTimedOutEventDetails.Error, e.LambdaFunctionTimedOutEventDetails.Cause)
		case e.TaskFailedEventDetails != nil:
			failed(e.TaskFailedEventDetails.Error, e.TaskFailedEventDetails.Cause)
		case e.TaskTimedOutEventDetails != nil:
			failed(e.TaskTimedOutEventDetails.Error, e.TaskTimedOutEventDetails.Cause)
		}
	}
	return nil
}

// definitionOf is the state machine of an execution.
func (d Desk) definitionOf(ctx context.Context, executionARN string) (Definition, error) {
	machine, err := d.States.DescribeStateMachineForExecution(ctx, &sfn.DescribeStateMachineForExecutionInput{
		ExecutionArn: aws.String(executionARN),
	})
	if err != nil {
		return Definition{}, fmt.Errorf("definition of %s: %w", executionARN, err)
	}
	return parse(executionARN, aws.ToString(machine.Definition))
}

// Events is the whole history of an execution.
func (d Desk) Events(ctx context.Context, executionARN string) ([]types.HistoryEvent, error) {
	var events []types.HistoryEvent
	pages := sfn.NewGetExecutionHistoryPaginator(d.States, &sfn.GetExecutionHistoryInput{ExecutionArn: aws.String(executionARN)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("history of %s: %w", executionARN, err)
		}
		events = append(events, page.Events...)
	}
	return events, nil
}
