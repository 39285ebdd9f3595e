package audit

import (
	"maps"
	"slices"
)

// Severity says how much attention an event asks for.
type Severity string

const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Event names what happened. The list is closed: alarms, notices and the verifier's readers depend on the spelling.
type Event string

const (
	VaultBackupCompleted    Event = "vault_backup_completed"
	VaultBackupFailed       Event = "vault_backup_failed"
	VaultRestoredFromBackup Event = "vault_restored_from_backup"
	VaultRestoreFailed      Event = "vault_restore_failed"
	// VaultRecoveredWithoutRestore: Vault was sealed, and opening it was all that it needed.
	VaultRecoveredWithoutRestore Event = "vault_recovered_without_restore"
	// RestoreApproved and RestoreDenied are what ApproveRestore decides: whether a backup may go over a live Vault.
	RestoreApproved Event = "restore_approved"
	RestoreDenied   Event = "restore_denied"

	SMTPCredentialsRecovered Event = "smtp_credentials_recovered"
	VPSRecoveryNotNeeded     Event = "vps_recovery_not_needed"
	VPSRecoveryFailed        Event = "vps_recovery_failed"
	VPSRecoveryCleanedUp     Event = "vps_recovery_cleaned_up"

	CredentialsRotated Event = "credentials_rotated"
	RotationFailed     Event = "rotation_failed"

	CredentialCompromiseResponse Event = "credential_compromise_response"
	CredentialCompromiseFailed   Event = "credential_compromise_failed"
	// CredentialCompromiseJoined is an incident that the rotation of another one answers.
	CredentialCompromiseJoined Event = "credential_compromise_joined"
	CredentialsReconciled      Event = "credentials_reconciled"
	ReconciliationFailed       Event = "reconciliation_failed"

	// ExecutionFailed is what the backstop records of an execution that could not speak for itself.
	ExecutionFailed Event = "execution_failed"
)

// severities are those an event may be recorded with. A restore loses what was written since its backup, so it is never
// mere information; whether it is critical is for the runbook to say (a forced one over a live Vault is).
var severities = map[Event][]Severity{
	VaultBackupCompleted:    {Info},
	VaultBackupFailed:       {Critical},
	VaultRestoredFromBackup: {Warning, Critical},
	VaultRestoreFailed:      {Critical},

	VaultRecoveredWithoutRestore: {Warning},
	RestoreApproved:              {Critical},
	RestoreDenied:                {Critical},

	SMTPCredentialsRecovered: {Warning},
	VPSRecoveryNotNeeded:     {Info},
	VPSRecoveryFailed:        {Critical},
	VPSRecoveryCleanedUp:     {Warning},

	CredentialsRotated: {Warning},
	RotationFailed:     {Critical},

	CredentialCompromiseResponse: {Critical},
	CredentialCompromiseFailed:   {Critical},
	CredentialCompromiseJoined:   {Critical},
	CredentialsReconciled:        {Warning},
	ReconciliationFailed:         {Critical},

	ExecutionFailed: {Critical},
}

// Events lists every event, sorted.
func Events() []Event { return slices.Sorted(maps.Keys(severities)) }

// Severities lists what e may be recorded with; nothing for a name that is no event.
func (e Event) Severities() []Severity { return slices.Clone(severities[e]) }

// Admits reports whether e is an event that may carry severity s.
func (e Event) Admits(s Severity) bool { return slices.Contains(severities[e], s) }
