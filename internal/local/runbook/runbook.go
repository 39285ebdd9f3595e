// Package runbook starts state machines as an operator does and tells what became of them: the path taken, the ending,
// and on failure the step, its fault and the last lines of its log.
package runbook

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/uuid"
)

// Desk is where executions are started and watched.
type Desk struct {
	States *sfn.Client
	Logs   *cloudwatchlogs.Client
}

// NewDesk works with any AWS configuration.
func NewDesk(cfg aws.Config) Desk {
	return Desk{States: sfn.NewFromConfig(cfg), Logs: cloudwatchlogs.NewFromConfig(cfg)}
}

// Result is an execution that ended.
type Result struct {
	ARN    string
	Status types.ExecutionStatus
	Input  string
	// Output is the last state's output as JSON; empty on failure.
	Output string
	// Error is the ending's name ("FailedClean"), Cause the fault, as the operator sees them.
	Error, Cause string
	// Path lists the states that were entered, in order.
	Path []string
	// Failures are the steps that failed on the way, caught or not.
	Failures []Failure
	Started  time.Time
	Stopped  time.Time
}

// Failure is one failed attempt of one step.
type Failure struct {
	State, Function string
	Error, Cause    string
}

// Seconds is how long the execution took.
func (r Result) Seconds() float64 { return r.Stopped.Sub(r.Started).Seconds() }

// Start starts a state machine with an input, once: under a name of its own, so that a start whose answer got lost can be
// repeated.
func (d Desk) Start(ctx context.Context, machineARN, input string) (executionARN string, err error) {
	out, err := d.States.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(machineARN), Input: aws.String(input), Name: aws.String(uuid.NewString()),
	})
	if err != nil {
		return "", fmt.Errorf("start %s: %w", machineARN, err)
	}
	return aws.ToString(out.ExecutionArn), nil
}

// Run starts a state machine and waits for its end.
func (d Desk) Run(ctx context.Context, machineARN, input string) (Result, error) {
	arn, err := d.Start(ctx, machineARN, input)
	if err != nil {
		return Result{}, err
	}
	return d.Wait(ctx, arn)
}

// poll is how often an execution or a list is looked at.
const poll = 100 * time.Millisecond

// WaitForInput waits until something else (a rule, an alarm) has started the machine with an input that contains the
// given text, and then for the end of that execution.
func (d Desk) WaitForInput(ctx context.Context, machineARN, contains string) (Result, error) {
	var found string
	err := until(ctx, func() (bool, error) {
		out, err := d.States.ListExecutions(ctx, &sfn.ListExecutionsInput{StateMachineArn: aws.String(machineARN)})
		if err != nil {
			return false, err
		}
		for _, e := range out.Executions {
			described, err := d.States.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: e.ExecutionArn})
			if err != nil {
				return false, err
			}
			if strings.Contains(aws.ToString(described.Input), contains) {
				found = aws.ToString(e.ExecutionArn)
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return Result{}, err
	}
	return d.Wait(ctx, found)
}

// Wait waits until the execution ends, however it ends.
func (d Desk) Wait(ctx context.Context, executionARN string) (Result, error) {
	r := Result{ARN: executionARN}
	err := until(ctx, func() (bool, error) {
		e, err := d.States.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(executionARN)})
		if err != nil || e.Status == types.ExecutionStatusRunning {
			return false, err
		}
		r.Status, r.Input, r.Output = e.Status, aws.ToString(e.Input), aws.ToString(e.Output)
		r.Error, r.Cause = aws.ToString(e.Error), aws.ToString(e.Cause)
		r.Started, r.Stopped = aws.ToTime(e.StartDate), aws.ToTime(e.StopDate)
		return true, nil
	})
	if err != nil {
		return r, fmt.Errorf("execution %s: %w", executionARN, err)
	}
	return r, d.history(ctx, &r)
}

func until(ctx context.Context, done func() (bool, error)) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Explain says why an execution did not succeed: its ARN, the failing step with its fault, and the step's last log lines.
func (d Desk) Explain(ctx context.Context, r Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "execution %s\nended %s", r.ARN, r.Status)
	if r.Error != "" {
		fmt.Fprintf(&b, " as %s\n%s", r.Error, r.Cause)
	}
	fmt.Fprintf(&b, "\npath: %s\n", strings.Join(r.Path, " -> "))
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "step %s: %s: %s\n", f.State, f.Error, Message(f.Cause))
	}
	if n := len(r.Failures); n > 0 {
		name := r.Failures[n-1].Function
		fmt.Fprintf(&b, "last lines of /aws/lambda/%s:\n", name)
		for _, line := range d.tail(ctx, name, 12) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

// Message is the errorMessage inside a failed function's cause, or the cause itself where it is no function's.
func Message(cause string) string {
	var payload struct {
		ErrorMessage string `json:"errorMessage"`
	}
	if json.Unmarshal([]byte(cause), &payload) == nil && payload.ErrorMessage != "" {
		return payload.ErrorMessage
	}
	return cause
}

func (d Desk) tail(ctx context.Context, function string, lines int) []string {
	out, err := d.Logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String("/aws/lambda/" + function),
	})
	if err != nil {
		return []string{"(no log: " + err.Error() + ")"}
	}
	var text []string
	for _, e := range out.Events {
		text = append(text, strings.TrimSpace(aws.ToString(e.Message)))
	}
	return text[max(0, len(text)-lines):]
}
