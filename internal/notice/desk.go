package notice

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// Desk writes to the people behind one topic: operations, or security.
type Desk struct {
	SNS   Publisher
	Topic string // ARN
	// RestoreMachine and RecoveryMachine are the ARNs of the state machines vault-restore and vps-recovery, for the command
	// that a notice ends with.
	RestoreMachine, RecoveryMachine string
}

// Request is the payload of an AlertOperations or AlertSecurity state.
type Request struct {
	Event     audit.Event    `json:"event"`
	Severity  audit.Severity `json:"severity"`
	TenantID  string         `json:"tenant_id"` // optional
	Execution task.Execution `json:"execution"`
	Details   jsontext.Value `json:"details"` // an object; a letter tells the facts it knows the names of
	Fault     *audit.Failure `json:"fault"`   // optional: the error output that a Catch block kept
}

// Receipt is the state's result.
type Receipt struct {
	MessageID string `json:"message_id"`
	Subject   string `json:"subject"`
}

// letters has one writer for each event.
var letters = map[audit.Event]func(*Desk, Request, facts) letter{
	audit.VaultBackupCompleted:    (*Desk).backupCompleted,
	audit.VaultBackupFailed:       (*Desk).backupFailed,
	audit.VaultRestoredFromBackup: (*Desk).restored,
	audit.VaultRestoreFailed:      (*Desk).restoreFailed,

	audit.VaultRecoveredWithoutRestore: (*Desk).unsealed,
	audit.RestoreApproved:              (*Desk).approved,
	audit.RestoreDenied:                (*Desk).denied,

	audit.SMTPCredentialsRecovered: (*Desk).serverReplaced,
	audit.VPSRecoveryNotNeeded:     (*Desk).recoveryNotNeeded,
	audit.VPSRecoveryFailed:        (*Desk).recoveryFailed,
	audit.VPSRecoveryCleanedUp:     (*Desk).cleanedUp,

	audit.CredentialsRotated: (*Desk).credentialsRotated,
	audit.RotationFailed:     (*Desk).rotationFailed,

	audit.CredentialCompromiseResponse: (*Desk).compromiseAnswered,
	audit.CredentialCompromiseFailed:   (*Desk).compromiseFailed,
	audit.CredentialCompromiseJoined:   (*Desk).compromiseJoined,
	audit.CredentialsReconciled:        (*Desk).credentialsReconciled,
	audit.ReconciliationFailed:         (*Desk).reconciliationFailed,

	audit.ExecutionFailed: (*Desk).executionFailed,
}

// tenantID admits the ids of the registry, and nothing that would break a message attribute.
var tenantID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Validate refuses a request that no letter can be made of. It quotes no value.
func (r Request) Validate() error {
	if err := r.Execution.Validate(); err != nil {
		return err
	}
	switch {
	case letters[r.Event] == nil:
		return fmt.Errorf("event is not one of %v", audit.Events())
	case !r.Event.Admits(r.Severity):
		return fmt.Errorf("severity of %s is not one of %v", r.Event, r.Event.Severities())
	case r.TenantID != "" && !tenantID.MatchString(r.TenantID):
		return errors.New("tenant_id is not one")
	case r.Details.Kind() != '{':
		return errors.New("details is not an object")
	}
	return nil
}

// Alert sends the notice of an event. A step that runs twice sends the same text twice. Faults: InvalidInput,
// AWSUnavailable, AWSRefused.
func (d *Desk) Alert(ctx context.Context, r Request) (Receipt, error) {
	n, err := d.compose(r)
	if err != nil {
		return Receipt{}, err
	}
	id, err := publish(ctx, d.SNS, n)
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{MessageID: id, Subject: n.Subject}, nil
}

func (d *Desk) compose(r Request) (Notice, error) {
	if err := r.Validate(); err != nil {
		return Notice{}, fault.InvalidInput.Errorf("notice: %w", err)
	}
	known, err := factsOf(r.Details)
	if err != nil {
		return Notice{}, fault.InvalidInput.Errorf("details: %w", err)
	}
	l := letters[r.Event](d, r, known)
	return Notice{
		Topic:    d.Topic,
		Type:     string(r.Event),
		Severity: r.Severity,
		TenantID: r.TenantID,
		Subject:  subject(fmt.Sprintf("[%s] %s", r.Severity, l.subject)),
		Message:  l.write(r.Execution),
	}, nil
}
