package backup

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"pgregory.net/rapid"

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

// notes remember one change, as the tenants' table does.
type notes struct {
	at   time.Time
	mute error
}

func (n *notes) NoteUnsaved(_ context.Context, at time.Time) error {
	if n.mute == nil {
		n.at = at
	}
	return n.mute
}

func (n *notes) Unsaved(context.Context) (time.Time, error) { return n.at, n.mute }

func (n *notes) Saved(_ context.Context, at time.Time) error {
	if n.at.Equal(at) {
		n.at = time.Time{}
	}
	return nil
}

// restores are the executions of vault-restore: what is in the way while one runs.
type restores struct{ underWay error }

func (r restores) Guard(context.Context) error { return r.underWay }

func TestChangesOfFiveMinutesStartOneBackup(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 4, 59, 0, time.UTC)
	executions := started{}
	changes := &notes{}
	s := Starter{launch.Machine{Client: executions, ARN: backupMachine}, changes, func() time.Time { return at }}
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
		if noted := changes.at.Equal(at); noted == c.started {
			t.Errorf("at %s: the change is noted as in no backup: %t", at, noted)
		}
		changes.at = time.Time{}
	}
	want := `{"tier":"on-change","reason":"a credential of acme was changed","requested_by":"arn:aws:states:eu-central-1:123456789012:execution:credential-compromise:x"}`
	if got := executions["on-change-20261124T1000Z"]; got != want || len(executions) != 3 {
		t.Errorf("started %v", executions)
	}
	if _, err := (Request{Tier: "on-change", Reason: "x"}).at(at, at); err != nil {
		t.Errorf("the planner refuses it: %v", err)
	}
}

// However many changes there are: each is followed by the start of a backup, within ten minutes, and no five minutes have more
// than one.
func TestEveryChangeIsInABackup(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		begun := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
		now := begun
		executions, changes := started{}, &notes{}
		machine := launch.Machine{Client: executions, ARN: backupMachine}
		starter := Starter{machine, changes, func() time.Time { return now }}
		catchUp := CatchUp{Machine: machine, Changes: changes, Restores: restores{}}
		phase := time.Duration(rapid.IntRange(0, 299).Draw(rt, "the sweep's second")) * time.Second
		var backups, changed []time.Time
		for ; now.Before(begun.Add(time.Hour)); now = now.Add(time.Second) {
			before := len(executions)
			if now.Sub(begun)%bucket == phase {
				if _, err := catchUp.Start(t.Context(), now); err != nil {
					rt.Fatal(err)
				}
			} else if now.Before(begun.Add(45*time.Minute)) && rapid.IntRange(0, 99).Draw(rt, "luck") == 0 {
				changed = append(changed, now)
				if _, err := starter.Start(t.Context(), ChangeInput{TenantID: "acme"}); err != nil {
					rt.Fatal(err)
				}
			}
			if len(executions) > before {
				backups = append(backups, now)
			}
		}
		for _, at := range changed {
			if !slices.ContainsFunc(backups, func(b time.Time) bool { return !b.Before(at) && b.Sub(at) <= 2*bucket }) {
				rt.Errorf("the change of %v is in no backup: they began at %v", at, backups)
			}
		}
	})
}

func TestCatchUp(t *testing.T) {
	at := time.Date(2026, 11, 24, 10, 4, 59, 0, time.UTC)
	executions, changes := started{}, &notes{}
	c := CatchUp{Machine: launch.Machine{Client: executions, ARN: backupMachine}, Changes: changes}
	start := func(want bool) {
		t.Helper()
		if got, err := c.Start(t.Context(), at.Add(time.Minute)); err != nil || got != want {
			t.Errorf("started %t, %v", got, err)
		}
	}
	start(false) // nothing was changed
	changes.at = at
	c.Restores = restores{fault.RestoreUnderway.Tellf("one runs")}
	start(false)
	c.Restores = restores{fault.AWSUnavailable.Errorf("silent")}
	if _, err := c.Start(t.Context(), at); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("nobody knows whether Vault is being restored: %v", err)
	}
	c.Restores = restores{}
	start(true)
	start(false)
	want := `{"tier":"on-change","reason":"a credential was changed while another backup ran, at 2026-11-24T10:04:59Z","requested_by":"sweep-tenants"}`
	if got := executions["on-change-20261124T1005Z"]; got != want || len(executions) != 1 {
		t.Errorf("started %v", executions)
	}
	changes.mute = fault.AWSUnavailable.Errorf("silent")
	if _, err := c.Start(t.Context(), at); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("nobody knows what was changed: %v", err)
	}
	s := Starter{c.Machine, changes, func() time.Time { return at.Add(time.Minute) }}
	if _, err := s.Start(t.Context(), ChangeInput{TenantID: "acme"}); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("the change is noted nowhere: %v", err)
	}
}

func TestABackupThatCannotBeStarted(t *testing.T) {
	s := Starter{launch.Machine{Client: started{}, ARN: "arn:aws:states:eu-central-1:123456789012:stateMachine:another"}, &notes{}, time.Now}
	if _, err := s.Start(t.Context(), ChangeInput{TenantID: "acme"}); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("got %v", err)
	}
	if (ChangeInput{TenantID: "acme"}).Validate() == nil || (ChangeInput{Execution: task.Execution{ARN: "x", StartedAt: time.Now(), State: "x"}}).Validate() == nil {
		t.Error("a change of nobody's is accepted")
	}
}
