package hold

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

const machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:vault-restore"

// run is an execution as it is now; the list shows it as running whatever it is.
type run struct {
	name, input string
	status      types.ExecutionStatus
	began       time.Time
}

// account lists one execution a page.
type account struct {
	runs             []run
	silent, unlisted error
}

func (a account) ListExecutions(_ context.Context, in *sfn.ListExecutionsInput, _ ...func(*sfn.Options)) (*sfn.ListExecutionsOutput, error) {
	if aws.ToString(in.StateMachineArn) != machine || in.StatusFilter != types.ExecutionStatusRunning {
		return nil, io.ErrUnexpectedEOF
	}
	if a.unlisted != nil {
		return nil, a.unlisted
	}
	at := len(aws.ToString(in.NextToken))
	if at == len(a.runs) {
		return &sfn.ListExecutionsOutput{}, nil
	}
	return &sfn.ListExecutionsOutput{
		Executions: []types.ExecutionListItem{{ExecutionArn: aws.String(a.runs[at].name), StartDate: &a.runs[at].began}}, NextToken: aws.String(strings.Repeat("n", at+1)),
	}, nil
}

func (a account) DescribeExecution(_ context.Context, in *sfn.DescribeExecutionInput, _ ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error) {
	for _, r := range a.runs {
		if r.name == aws.ToString(in.ExecutionArn) {
			return &sfn.DescribeExecutionOutput{Status: r.status, Input: &r.input}, a.silent
		}
	}
	return nil, &types.ExecutionDoesNotExist{}
}

func TestGuard(t *testing.T) {
	running, done := types.ExecutionStatusRunning, types.ExecutionStatusSucceeded
	plan := run{name: "a-plan", input: `{"backup_date":"latest","mode":"plan"}`, status: running}
	over := run{name: "over", input: `{"backup_date":"latest"}`, status: done}
	real := run{name: "a-restore", input: `{"backup_date":"latest","reason":"lost"}`, status: running}
	for name, c := range map[string]struct {
		account account
		held    string // the execution that is told; empty where nothing holds
		fault   fault.Name
	}{
		"nothing runs":            {account{}, "", ""},
		"a plan":                  {account{runs: []run{plan}}, "", ""},
		"over by now":             {account{runs: []run{over}}, "", ""},
		"a restore":               {account{runs: []run{real}}, "a-restore", fault.RestoreUnderway},
		"behind a plan":           {account{runs: []run{plan, over, real}}, "a-restore", fault.RestoreUnderway},
		"one that cannot be read": {account{runs: []run{{name: "odd", input: `[`, status: running}}}, "odd", fault.RestoreUnderway},
		"no list":                 {account{unlisted: context.DeadlineExceeded}, "", fault.AWSUnavailable},
		"no description":          {account{runs: []run{real}, silent: &types.InvalidArn{}}, "", fault.AWSRefused},
	} {
		err := Restores{Executions: c.account, Config: Config{Machine: machine}}.Guard(t.Context())
		if (err != nil) != (c.fault != "") || err != nil && !fault.Is(err, c.fault) || c.held != "" && !strings.Contains(fault.Of(err).Public, c.held) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of all restores that run, one goes on: the oldest.
func TestAlone(t *testing.T) {
	at := time.Date(2026, 11, 24, 14, 18, 5, 0, time.UTC)
	restore := func(name string, began time.Time) run {
		return run{name: name, input: `{"backup_date":"latest"}`, status: types.ExecutionStatusRunning, began: began}
	}
	runs := []run{
		{name: "p", input: `{"backup_date":"latest","mode":"plan"}`, status: types.ExecutionStatusRunning, began: at.Add(-time.Hour)},
		restore("c", at.Add(time.Second)), restore("b", at), restore("a", at),
	}
	for name, held := range map[string]bool{"a": false, "b": true, "c": true} {
		began := at
		if name == "c" {
			began = at.Add(time.Second)
		}
		err := Restores{Executions: account{runs: runs}, Config: Config{Machine: machine}}.Alone(t.Context(), task.Execution{ARN: name, StartedAt: began})
		if fault.Is(err, fault.RestoreUnderway) != held || !held && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
