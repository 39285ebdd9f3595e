package start

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

const arn = "arn:aws:states:us-east-1:123456789012:execution:vault-restore:x"

type request struct{}

func (request) ExecutionARN() string { return arn }

// started answers for one execution with the text it was started with, or with an error.
type started struct {
	input string
	err   error
}

func (s started) DescribeExecution(_ context.Context, in *sfn.DescribeExecutionInput, _ ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error) {
	if aws.ToString(in.ExecutionArn) != arn {
		return nil, errors.New("another execution was asked for")
	}
	return &sfn.DescribeExecutionOutput{Input: aws.String(s.input)}, s.err
}

func TestGuard(t *testing.T) {
	tests := map[string]struct {
		started started
		want    fault.Name
		says    string
	}{
		"plain":                {started{input: `{"backup_date":"latest"}`}, "", ""},
		"not an object":        {started{input: `["latest"]`}, "", ""}, // the step's own to refuse
		"a field twice":        {started{input: `{"backup_date":"2026-11-20","backup_date":"2026-11-22"}`}, fault.InvalidInput, `field "backup_date" is there twice`},
		"twice, written apart": {started{input: `{"a":{"b":1,"\u0062":2}}`}, fault.InvalidInput, `field "a.b" is there twice`},
		"no such execution":    {started{err: &types.ExecutionDoesNotExist{}}, "", ""},
		"no answer":            {started{err: context.DeadlineExceeded}, fault.AWSUnavailable, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ran := false
			step := func(context.Context, request) (string, error) { ran = true; return "done", nil }
			out, err := Guard(tt.started, step)(t.Context(), request{})
			if tt.want == "" {
				if err != nil || !ran || out != "done" {
					t.Errorf("ran %v, %q, %v", ran, out, err)
				}
				return
			}
			if !fault.Is(err, tt.want) || ran || !strings.Contains(fault.Of(err).Message(), tt.says) {
				t.Errorf("ran %v, %v; want %s that says %q", ran, err, tt.want, tt.says)
			}
		})
	}
}
