package tenant

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// ended is one execution with its output.
type ended struct {
	status types.ExecutionStatus
	output *string
	err    error
}

func (e ended) DescribeExecution(context.Context, *sfn.DescribeExecutionInput, ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error) {
	return &sfn.DescribeExecutionOutput{Status: e.status, Output: e.output}, e.err
}

func TestResponse(t *testing.T) {
	const output = `{"claimed":{},"outcome":{"credential_id":"cred-2","installed":true,"time_to_safe_seconds":2.5,"more":1}}`
	for name, c := range map[string]struct {
		ended  ended
		want   Response
		stands bool
	}{
		"running":        {ended{types.ExecutionStatusRunning, nil, nil}, Response{arn("x"), "RUNNING", Outcome{}}, true},
		"redrive":        {ended{types.ExecutionStatusPendingRedrive, nil, nil}, Response{arn("x"), "PENDING_REDRIVE", Outcome{}}, true},
		"succeeded":      {ended{types.ExecutionStatusSucceeded, aws.String(output), nil}, Response{arn("x"), "SUCCEEDED", Outcome{"cred-2", true, 2.5}}, true},
		"another output": {ended{types.ExecutionStatusSucceeded, aws.String(`"x"`), nil}, Response{arn("x"), "SUCCEEDED", Outcome{}}, true},
		"failed":         {ended{types.ExecutionStatusFailed, nil, nil}, Response{arn("x"), "FAILED", Outcome{}}, false},
		"unknown":        {ended{"", nil, &types.ExecutionDoesNotExist{}}, Response{arn("x"), "", Outcome{}}, false},
	} {
		got, err := StepFunctions{c.ended}.Response(t.Context(), arn("x"))
		if err != nil || got != c.want || got.stands() != c.stands {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	_, err := StepFunctions{ended{err: context.DeadlineExceeded}}.Response(t.Context(), arn("x"))
	wants(t, err, fault.AWSUnavailable)
}
