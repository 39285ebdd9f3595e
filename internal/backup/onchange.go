package backup

import (
	"context"
	"errors"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// ChangeInput says that something in Vault was changed, and by whom.
type ChangeInput struct {
	TenantID  string         `json:"tenant_id"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses a change that is nobody's.
func (in ChangeInput) Validate() error {
	if in.TenantID == "" {
		return errors.New("tenant_id is missing")
	}
	return in.Execution.Validate()
}

// OnChange is the backup that was asked for.
type OnChange struct {
	Execution string `json:"execution"` // ARN
	// Started: it is this call's. Otherwise one was started within the same five minutes, maybe before this change: then the
	// change is noted, and the next sweep has it backed up.
	Started bool `json:"started"`
}

// Changes remembers that Vault was changed and no backup was begun since.
type Changes interface {
	NoteUnsaved(ctx context.Context, at time.Time) error
	// Unsaved is the zero time where everything is in a backup.
	Unsaved(context.Context) (time.Time, error)
	// Saved leaves a note on a later change.
	Saved(ctx context.Context, at time.Time) error
}

// Starter is the step StartBackup.
type Starter struct {
	Machine launch.Machine // vault-backup
	Changes Changes
	Now     func() time.Time
}

// changed is the input of vault-backup after a change.
type changed struct {
	Tier        archive.Tier `json:"tier"`
	Reason      string       `json:"reason"`
	RequestedBy string       `json:"requested_by"`
}

// bucket is within how long changes start one backup, and named its execution.
const bucket = 5 * time.Minute

func named(at time.Time) string {
	return "on-change-" + at.UTC().Truncate(bucket).Format("20060102T1504Z")
}

// Start starts vault-backup, at most once in five minutes: the execution is named by them. Faults: AWSUnavailable,
// AWSRefused.
func (s Starter) Start(ctx context.Context, in ChangeInput) (OnChange, error) {
	now := s.Now()
	name := named(now)
	started, err := s.Machine.Start(ctx, name, changed{archive.OnChange, "a credential of " + in.TenantID + " was changed", in.Execution.ARN})
	if err == nil && !started {
		err = s.Changes.NoteUnsaved(ctx, now)
	}
	if err != nil {
		return OnChange{}, err
	}
	return OnChange{Execution: s.Machine.Execution(name), Started: started}, nil
}

// Restores knows whether Vault is being restored.
type Restores interface {
	// Guard is RestoreUnderway while it is.
	Guard(context.Context) error
}

// CatchUp has backed up what was changed while a backup of the same five minutes was under way, or just over.
type CatchUp struct {
	Machine  launch.Machine // vault-backup
	Changes  Changes
	Restores Restores
}

// Start starts vault-backup where a change may be in no backup. The same rule holds: at most once in five minutes; the next
// call comes after them. While Vault is being restored there is nothing to back up. Faults: AWSUnavailable, AWSRefused.
func (c CatchUp) Start(ctx context.Context, now time.Time) (started bool, err error) {
	at, err := c.Changes.Unsaved(ctx)
	if err != nil || at.IsZero() {
		return false, err
	}
	err = c.Restores.Guard(ctx)
	if fault.Is(err, fault.RestoreUnderway) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// The change's time makes the input another one for every change: a start that Step Functions only repeats is not taken for
	// one that comes after the change.
	started, err = c.Machine.Start(ctx, named(now), changed{
		archive.OnChange, "a credential was changed while another backup ran, at " + at.Format(time.RFC3339Nano), "sweep-tenants",
	})
	if err != nil || !started {
		return false, err
	}
	return true, c.Changes.Saved(ctx, at)
}
