package backup

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

const backupMachine = "arn:aws:states:eu-central-1:123456789012:stateMachine:vault-backup"

// started are executions by name, with their inputs.
type started map[string]string

func (s started) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	if aws.ToString(in.StateMachineArn) != backupMachine {
		return nil, context.DeadlineExceeded
	}
	name := aws.ToString(in.Name)
	if _, there := s[name]; there {
		return nil, &types.ExecutionAlreadyExists{}
	}
	s[name] = aws.ToString(in.Input)
	return &sfn.StartExecutionOutput{}, nil
}

func TestChangesOfFiveMinutesStartOneBackup(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 4, 59, 0, time.UTC)
	executions := started{}
	s := Starter{launch.Machine{Client: executions, ARN: backupMachine}, func() time.Time { return at }}
	in := ChangeInput{TenantID: "acme", Execution: task.Execution{
		ARN: "arn:aws:states:eu-central-1:123456789012:execution:credential-compromise:x", StartedAt: at, State: "StartBackup"}}
	if err := in.Validate(); err != nil {
		t.Fatal(err)
	}
	const prefix = "arn:aws:states:eu-central-1:123456789012:execution:vault-backup:on-change-"
	for _, c := range []struct {
		after   time.Duration
		want    string
		started bool
	}{{0, "20261124T1000Z", true}, {0, "20261124T1000Z", false}, {time.Second, "20261124T1005Z", true}, {299 * time.Second, "20261124T1005Z", false}, {time.Second, "20261124T1010Z", true}} {
		at = at.Add(c.after)
		if got, err := s.Start(t.Context(), in); err != nil || got != (OnChange{prefix + c.want, c.started}) {
			t.Errorf("at %s: %+v, %v, want %s %t", at, got, err, c.want, c.started)
		}
	}
	want := `{"tier":"on-change","reason":"a credential of acme was changed","requested_by":"arn:aws:states:eu-central-1:123456789012:execution:credential-compromise:x"}`
	if got := executions["on-change-20261124T1000Z"]; got != want || len(executions) != 3 {
		t.Errorf("started %v", executions)
	}
	if _, err := (Request{Tier: "on-change", Reason: "x"}).at(at, at); err != nil {
		t.Errorf("the planner refuses it: %v", err)
	}
}

func TestABackupThatCannotBeStarted(t *testing.T) {
	s := Starter{launch.Machine{Client: started{}, ARN: "arn:aws:states:eu-central-1:123456789012:stateMachine:another"}, time.Now}
	if _, err := s.Start(t.Context(), ChangeInput{TenantID: "acme"}); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("got %v", err)
	}
	if (ChangeInput{TenantID: "acme"}).Validate() == nil || (ChangeInput{Execution: task.Execution{ARN: "x", StartedAt: time.Now(), State: "x"}}).Validate() == nil {
		t.Error("a change of nobody's is accepted")
	}
}
