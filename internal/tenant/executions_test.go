package tenant

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// history answers one description after the other, the last one for ever.
type history struct{ answers []any }

func (h *history) DescribeExecution(context.Context, *sfn.DescribeExecutionInput, ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error) {
	answer := h.answers[0]
	if len(h.answers) > 1 {
		h.answers = h.answers[1:]
	}
	if err, failed := answer.(error); failed {
		return nil, err
	}
	return &sfn.DescribeExecutionOutput{Status: answer.(types.ExecutionStatus)}, nil
}

func TestRunning(t *testing.T) {
	unknown := &types.ExecutionDoesNotExist{}
	for name, c := range map[string]struct {
		answers []any
		want    bool
		fault   fault.Name
	}{
		"running":          {[]any{types.ExecutionStatusRunning}, true, ""},
		"pending redrive":  {[]any{types.ExecutionStatusPendingRedrive}, true, ""},
		"succeeded":        {[]any{types.ExecutionStatusSucceeded}, false, ""},
		"failed":           {[]any{types.ExecutionStatusFailed}, false, ""},
		"timed out":        {[]any{types.ExecutionStatusTimedOut}, false, ""},
		"aborted":          {[]any{types.ExecutionStatusAborted}, false, ""},
		"unknown":          {[]any{unknown}, false, ""},
		"not visible yet":  {[]any{unknown, unknown, types.ExecutionStatusRunning}, true, ""},
		"cut off":          {[]any{io.ErrUnexpectedEOF}, false, fault.AWSUnavailable},
		"cut off at last":  {[]any{unknown, io.ErrUnexpectedEOF}, false, fault.AWSUnavailable},
		"not a known call": {[]any{errors.New("what?")}, false, fault.Unexpected},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := StepFunctions{&history{c.answers}}.Running(t.Context(), arn("one"))
				if got != c.want || (err == nil) != (c.fault == "") {
					t.Errorf("got %v, %v", got, err)
				}
				if c.fault != "" {
					wants(t, err, c.fault)
				}
			})
		})
	}
}

func TestRunningEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := StepFunctions{&history{[]any{&types.ExecutionDoesNotExist{}}}}.Running(ctx, arn("one"))
	wants(t, err, fault.AWSUnavailable)
}
