package backup

import (
	"context"
	"errors"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/archive"
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
	// Started: it is this call's; otherwise one had been started within the same five minutes.
	Started bool `json:"started"`
}

// Starter is the step StartBackup.
type Starter struct {
	Machine launch.Machine // vault-backup
	Now     func() time.Time
}

// changed is the input of vault-backup after a change.
type changed struct {
	Tier        archive.Tier `json:"tier"`
	Reason      string       `json:"reason"`
	RequestedBy string       `json:"requested_by"`
}

// bucket is within how long changes start one backup.
const bucket = 5 * time.Minute

// Start starts vault-backup, at most once in five minutes: the execution is named by them. Faults: AWSUnavailable,
// AWSRefused.
func (s Starter) Start(ctx context.Context, in ChangeInput) (OnChange, error) {
	name := "on-change-" + s.Now().UTC().Truncate(bucket).Format("20060102T1504Z")
	started, err := s.Machine.Start(ctx, name, changed{archive.OnChange, "a credential of " + in.TenantID + " was changed", in.Execution.ARN})
	if err != nil {
		return OnChange{}, err
	}
	return OnChange{Execution: s.Machine.Execution(name), Started: started}, nil
}
