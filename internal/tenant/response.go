package tenant

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
)

// Response is what became of an execution of credential-compromise.
type Response struct {
	Execution string `json:"execution"` // ARN; empty where there is none
	Status    string `json:"status"`    // as Step Functions says it; empty for one that it does not know
	// Outcome is there once it has succeeded.
	Outcome Outcome `json:"outcome"`
}

// Outcome is what a response leaves in its execution's output, under that name.
type Outcome struct {
	CredentialID string `json:"credential_id"`
	Installed    bool   `json:"installed"`
	// TimeToSafeSeconds is 0 where no server could be asked.
	TimeToSafeSeconds float64 `json:"time_to_safe_seconds"`
}

// Responses knows what became of executions.
type Responses interface {
	Response(ctx context.Context, executionARN string) (Response, error)
}

// stands reports whether the incident is in that execution's hands, or done with.
func (r Response) stands() bool {
	switch types.ExecutionStatus(r.Status) {
	case types.ExecutionStatusRunning, types.ExecutionStatusPendingRedrive, types.ExecutionStatusSucceeded:
		return true
	}
	return false
}

// Response describes an execution. Faults: AWSUnavailable, AWSRefused.
func (s StepFunctions) Response(ctx context.Context, executionARN string) (Response, error) {
	out := Response{Execution: executionARN}
	described, err := s.describe(ctx, executionARN)
	if err != nil || described == nil {
		return out, err
	}
	out.Status = string(described.Status)
	var data struct {
		Outcome Outcome `json:"outcome"`
	}
	// An output of another form is one that says nothing.
	if json.Unmarshal([]byte(aws.ToString(described.Output)), &data) == nil {
		out.Outcome = data.Outcome
	}
	return out, nil
}
