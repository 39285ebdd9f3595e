package launch

import (
	"context"
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// answers are what Step Functions says to one start after the other.
type answers struct {
	err error
	got *sfn.StartExecutionInput
}

func (a *answers) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	a.got = in
	return &sfn.StartExecutionOutput{}, a.err
}

func TestStart(t *testing.T) {
	for name, c := range map[string]struct {
		answer  error
		started bool
		fault   fault.Name
	}{
		"new":               {nil, true, ""},
		"there already":     {&types.ExecutionAlreadyExists{}, false, ""},
		"no answer":         {context.DeadlineExceeded, false, fault.AWSUnavailable},
		"no such machine":   {&types.StateMachineDoesNotExist{}, false, fault.AWSRefused},
		"too many at once":  {&types.ExecutionLimitExceeded{}, false, fault.AWSRefused},
		"a name it forbids": {&types.InvalidName{}, false, fault.AWSRefused},
	} {
		client := &answers{err: c.answer}
		m := Machine{Client: client, ARN: "arn:aws:states:eu-central-1:123456789012:stateMachine:vps-recovery"}
		started, err := m.Start(t.Context(), "acme-1", struct {
			TenantID string `json:"tenant_id"`
		}{"acme"})
		if started != c.started || (err != nil) != (c.fault != "") || err != nil && !fault.Is(err, c.fault) {
			t.Errorf("%s: started %t, %v", name, started, err)
		}
		if in := client.got; aws.ToString(in.StateMachineArn) != m.ARN || aws.ToString(in.Name) != "acme-1" || aws.ToString(in.Input) != `{"tenant_id":"acme"}` {
			t.Errorf("%s: asked for %+v", name, in)
		}
		if got := m.Execution("acme-1"); got != "arn:aws:states:eu-central-1:123456789012:execution:vps-recovery:acme-1" {
			t.Errorf("the execution is %s", got)
		}
	}
	if _, err := (Machine{Client: &answers{}}).Start(t.Context(), "n", make(chan int)); !fault.Is(err, fault.Unexpected) {
		t.Errorf("an input that is no JSON: %v", err)
	}
}

func TestDigest(t *testing.T) {
	if one, two := Digest("one", 8), Digest("two", 8); one == two || one != Digest("one", 8) || !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(one) {
		t.Errorf("%q and %q", one, two)
	}
}
