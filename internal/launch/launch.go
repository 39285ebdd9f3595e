// Package launch starts executions of state machines, each at most once: an execution is named by what it is for.
package launch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/go-json-experiment/json"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Client starts executions; *sfn.Client fits.
type Client interface {
	StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
}

// Machine is a state machine that is started by machines.
type Machine struct {
	Client Client
	ARN    string
}

// Execution is the ARN of the machine's execution of that name, whether it is there or not.
func (m Machine) Execution(name string) string {
	return strings.Replace(m.ARN, ":stateMachine:", ":execution:", 1) + ":" + name
}

// Start starts the execution of that name, of at most 80 characters, with the JSON form of the input. One that is there
// already is what was wanted, so whoever got no answer asks again. Started is false for it, unless it runs still and has the
// very same input: Step Functions does not tell that from a start.
//
// Faults: AWSUnavailable, AWSRefused.
func (m Machine) Start(ctx context.Context, name string, input any) (started bool, err error) {
	text, err := json.Marshal(input)
	if err != nil {
		return false, fault.Unexpected.Errorf("the input of %s: %w", m.Execution(name), err)
	}
	_, err = m.Client.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &m.ARN, Name: &name, Input: aws.String(string(text))})
	var there *types.ExecutionAlreadyExists
	if errors.As(err, &there) {
		return false, nil
	}
	return err == nil, awsfault.From(err, "start %s", m.Execution(name))
}

// Digest makes a part of an execution's name of what would be too long for it, or holds what a name may not: n bytes of a
// hash, in hexadecimal.
func Digest(of string, n int) string {
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:n])
}
