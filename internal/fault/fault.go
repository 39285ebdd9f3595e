// Package fault names everything that can go wrong in a runbook. The list is closed: a Catch in a state machine matches
// these names, an operator reads them as the error of a failed step, and a contract test holds the list, the state
// machines and the operators' manual against each other.
package fault

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Name is one fault, spelled exactly as Catch and Retry blocks spell it.
type Name string

const (
	// Unexpected is every error nobody gave a name to, panics included: a defect of this program until shown otherwise.
	Unexpected Name = "Unexpected"
	// InvalidInput: the input of the runbook or step breaks its contract; nothing was touched.
	InvalidInput Name = "InvalidInput"
	// InvalidConfiguration: the function's own environment is unusable.
	InvalidConfiguration Name = "InvalidConfiguration"

	// AWSUnavailable: an AWS service throttled, timed out or failed; the same call may succeed later.
	AWSUnavailable Name = "AWSUnavailable"
	// AWSRefused: AWS said no (permission, missing resource); trying again will not help.
	AWSRefused Name = "AWSRefused"

	// VaultUnreachable: no answer from Vault, or only a server error.
	VaultUnreachable Name = "VaultUnreachable"
	// VaultRefused: Vault answered and said no to this step's role or request.
	VaultRefused Name = "VaultRefused"
	// VaultSealed: Vault runs and is sealed.
	VaultSealed Name = "VaultSealed"
	// VaultRemoved: the nodes that there are were told by another Vault that they are no members of it; nothing opens them.
	VaultRemoved Name = "VaultRemoved"
	// VaultUninitialized: Vault runs and is empty.
	VaultUninitialized Name = "VaultUninitialized"
	// ApprovalRequired: a restore over a live Vault was asked for, and no approval of it holds.
	ApprovalRequired Name = "ApprovalRequired"
	// NoLeader: Vault nodes run, none leads: quorum recovery loses less than a restore.
	NoLeader Name = "NoLeader"
	// NotASingleEmptyNode: a restore needs exactly one empty node.
	NotASingleEmptyNode Name = "NotASingleEmptyNode"
	// SealMismatch: the node or the configuration does not fit the seal of the snapshot.
	SealMismatch Name = "SealMismatch"
	// UnsealSharesWrong: the stored key shares are missing, too few, or not those of this Vault.
	UnsealSharesWrong Name = "UnsealSharesWrong"
	// SeedFailed: the empty node was initialised and then the restore broke off: the node is half made.
	SeedFailed Name = "SeedFailed"
	// RestoreUnderway: vault-restore runs, and what is written to Vault meanwhile is lost.
	RestoreUnderway Name = "RestoreUnderway"
	// RestoreNotApplied: Vault took the snapshot and did not become it in time.
	RestoreNotApplied Name = "RestoreNotApplied"
	// VaultNotLeading: a restored Vault is open and leads nothing: it fails to set itself up, as with an audit device that
	// cannot open its file.
	VaultNotLeading Name = "VaultNotLeading"
	// RestoreInterrupted: a live Vault was being fed a snapshot; what it holds now is not known.
	RestoreInterrupted Name = "RestoreInterrupted"

	// SnapshotIncomplete: the stream from Vault was not a whole snapshot.
	SnapshotIncomplete Name = "SnapshotIncomplete"
	// BackupNotFound: no verified backup for the date asked for.
	BackupNotFound Name = "BackupNotFound"
	// BackupForged: a manifest whose signature does not hold, or that speaks of another place than where it lies.
	BackupForged Name = "BackupForged"
	// BucketTampered: somebody else has touched manifests. What is verified stands, and the backup was taken all the same.
	BucketTampered Name = "BucketTampered"
	// BackupCorrupt: what lies in the bucket is not what its manifest or header says.
	BackupCorrupt Name = "BackupCorrupt"
	// SecretsDiffer: what Vault holds now is not what the inventory says.
	SecretsDiffer Name = "SecretsDiffer"

	// AuditConflict: another record already stands under this identity.
	AuditConflict Name = "AuditConflict"
	// AuditContended: too many writers at once on one stream; trying again helps.
	AuditContended Name = "AuditContended"

	// TenantUnknown: the registry has no such tenant.
	TenantUnknown Name = "TenantUnknown"
	// TenantLocked: another execution that still runs holds the tenant's lease.
	TenantLocked Name = "TenantLocked"
	// LeaseLost: a newer execution has taken the tenant's lease over; this one must not change anything any more.
	LeaseLost Name = "LeaseLost"
	// ServerUnreachable: a server's SSH or its ports do not answer.
	ServerUnreachable Name = "ServerUnreachable"
	// ServerRefused: a server answered and said no, or a command on it failed.
	ServerRefused Name = "ServerRefused"
	// HostKeyMismatch: the server shows another host key than the one that was pinned.
	HostKeyMismatch Name = "HostKeyMismatch"
	// ProviderUnavailable: the server provider throttled, timed out or failed.
	ProviderUnavailable Name = "ProviderUnavailable"
	// ProviderRefused: the server provider said no: a quota, a type or a region that is not to be had.
	ProviderRefused Name = "ProviderRefused"
	// CredentialMissing: Vault holds no usable credential for the tenant.
	CredentialMissing Name = "CredentialMissing"
	// CredentialStale: Vault's credential is not the one that the registry names: it may be an old, leaked one.
	CredentialStale Name = "CredentialStale"
	// RotationOvertaken: the staged credential may not be installed any more: another one was committed, or Vault was restored.
	RotationOvertaken Name = "RotationOvertaken"
	// MailuUnavailable: Mailu does not answer, or answers with a server error.
	MailuUnavailable Name = "MailuUnavailable"
	// MailuRefused: Mailu answered and said no.
	MailuRefused Name = "MailuRefused"
	// MailNotVerified: the server runs and a mail client cannot do with it what it must.
	MailNotVerified Name = "MailNotVerified"
	// DNSRefused: the zone took no change: it was changed by someone else, or a newer execution has been there.
	DNSRefused Name = "DNSRefused"
	// DNSNotVisible: the change was accepted and the world does not see it.
	DNSNotVisible Name = "DNSNotVisible"
)

// meaning is what an operator reads next to the name, and next is the one command or action that comes next. Both are
// fixed texts: they go into state machine histories, notices and the audit trail, where no secret may ever appear.
var meaning = map[Name]struct{ text, next string }{
	Unexpected:           {"an error without a name, most likely a defect of this program", "read the function's last log lines: sam logs --stack-name <stack> --name <Function>"},
	InvalidInput:         {"the input breaks the runbook's contract; nothing was touched", "start again with the input that the README shows for this runbook"},
	InvalidConfiguration: {"the function's environment is unusable", "correct the stack's parameters and run: sam deploy"},
	AWSUnavailable:       {"an AWS service throttled, timed out or failed", "start the runbook again; if it persists, look at the AWS health dashboard"},
	AWSRefused:           {"AWS refused the call: a permission or a resource is missing", "run: sam deploy; then start the runbook again"},
	VaultUnreachable:     {"Vault does not answer", "start Vault on its node (systemctl start vault), then start the runbook again"},
	VaultRefused:         {"Vault refused this step's role or request", "apply the policies and roles of internal/vault/policies to Vault, then start the runbook again"},
	VaultSealed:          {"Vault runs and is sealed", "run: vault operator unseal, with as many shares as its threshold"},
	VaultRemoved:         {"a running Vault of the same keys, most likely the old one, told this node that it is no member; nothing opens it again", "stop that old Vault for good (or, if it is whole, use it and restore nothing); then wipe this node's data directory, start it empty, and start vault-restore again"},
	VaultUninitialized:   {"Vault runs and is empty", "start the vault-restore state machine with {\"backup_date\":\"latest\"}"},
	ApprovalRequired:     {"Vault is alive; only what a second person has approved is restored over it", "if it must be, let somebody who has the policy DrApprover run that command; then start vault-restore again with the same input, within the hour"},
	NoLeader:             {"Vault nodes answer and none leads; quorum recovery loses less than a restore", "run: vault operator raft list-peers, and recover the quorum with peers.json"},
	NotASingleEmptyNode:  {"a restore needs exactly one empty node; other nodes hold data or are empty too", "stop every Vault node but one empty one, then start vault-restore again"},
	SealMismatch:         {"the node's seal is not the seal of the snapshot", "configure the node with the seal that the backup's manifest names, then start vault-restore again"},
	UnsealSharesWrong:    {"the stored key shares are missing, too few, or not those of this Vault", "put the right shares into the secret that the output UnsealSharesSecret of the stack names; only after FailedDirty also wipe the node's data directory and start it empty; then start vault-restore again"},
	SeedFailed:           {"the empty node was initialised and the restore broke off; the node is half made", "wipe this node's data directory, start it empty, and start vault-restore again"},
	RestoreNotApplied:    {"Vault took the snapshot and did not become it in time", "wipe this node's data directory, start it empty, and start vault-restore again"},
	RestoreUnderway:      {"Vault is being restored, and what is written to it meanwhile is lost", "watch the vault-restore that is named here to its end, then start the runbook again"},
	VaultNotLeading:      {"Vault is open and does not take up its work; most likely an audit device cannot open its file", "cure what Vault's log says that its post-unseal setup failed on (journalctl -u vault), then wipe this node's data directory, start it empty, and start vault-restore again"},
	RestoreInterrupted:   {"a live Vault was being fed a snapshot; it holds what it held before, or what the backup holds", "start vault-restore again with the same input, or with the pre-restore backup that the notice names; both need a new approval"},
	SnapshotIncomplete:   {"the stream from Vault was not a whole snapshot; nothing of it was kept", "look at Vault's disk and log (journalctl -u vault), then start vault-backup again"},
	BackupNotFound:       {"there is no verified backup for the date asked for", "start vault-restore with one of the dates named here, or with {\"backup_date\":\"latest\"}"},
	BackupForged:         {"a manifest's signature does not hold, or it was moved: treat the bucket as tampered with", "call security; then start vault-restore with another date"},
	BucketTampered:       {"somebody else has written or hidden a manifest in the bucket; verified backups stand", "call security; they find out who wrote the versions of the manifests that the notice names (aws s3api list-object-versions); nothing else is needed, readers pass them over"},
	BackupCorrupt:        {"the backup in the bucket is not what its manifest says", "start vault-restore with another date"},
	SecretsDiffer:        {"what Vault holds is not what the inventory says", "read the differences in the function's log, then start vault-restore with another date: into a wiped node if that was an empty one, with an approval if it was alive"},
	AuditConflict:        {"another audit record already stands under this identity", "call security: the trail was written by someone else"},
	AuditContended:       {"too many writers at once on one audit stream", "start the runbook again"},
	TenantUnknown:        {"the registry has no such tenant", "look at the tenant id; a new tenant is registered with RegisterTenant"},
	TenantLocked:         {"another execution holds this tenant", "watch the execution named here to its end, then start the runbook again if it is still needed"},
	LeaseLost:            {"a newer execution has taken this tenant over; this one stopped before its next change", "watch the newer execution; do nothing here"},
	ServerUnreachable:    {"a server does not answer", "look at the server in the provider's console; then start the runbook again"},
	ServerRefused:        {"a server refused, or a command on it failed", "read the function's log; then start the runbook again"},
	HostKeyMismatch:      {"a server shows another host key than the pinned one", "call security: somebody may sit between; do not trust the server"},
	ProviderUnavailable:  {"the server provider throttled, timed out or failed", "look at the provider's status page; then start the runbook again"},
	ProviderRefused:      {"the server provider said no: a quota, a type or a region is not to be had", "raise the quota, or change the tenant's type or regions in the registry; then start the runbook again"},
	CredentialMissing:    {"Vault holds no usable credential for this tenant", "restore the credential in Vault, then start the runbook again"},
	CredentialStale:      {"Vault's credential is not the one that the registry names; it may be an old, leaked one", "rotate the tenant's credential, then start the runbook again"},
	RotationOvertaken:    {"the staged credential may not be installed any more: another rotation or a restore of Vault came first", "start credential-rotation for this tenant, unless a newer execution of it has succeeded"},
	MailuUnavailable:     {"Mailu does not answer", "look at Mailu's containers on the server (docker compose ps); then start the runbook again"},
	MailuRefused:         {"Mailu refused the call", "read the function's log; then start the runbook again"},
	MailNotVerified:      {"the server runs and a mail client cannot do with it what it must", "read in the function's log which check failed; then start the runbook again"},
	DNSRefused:           {"the zone took no change: someone else, or a newer execution, has changed it", "look at the zone's records for this host; then start the runbook again"},
	DNSNotVisible:        {"the DNS change was accepted and the world does not see it", "query the zone's name servers; then start the runbook again"},
}

// retryable are the faults that a later attempt of the same step may cure; the one Retry block of the state machines
// lists exactly these beside Lambda's own errors.
var retryable = []Name{AWSUnavailable, AuditContended, MailuUnavailable, ProviderUnavailable, ServerUnreachable, VaultUnreachable}

// Names lists every fault, sorted.
func Names() []Name { return slices.Sorted(maps.Keys(meaning)) }

// Retryable lists the faults that a later attempt may cure, sorted.
func Retryable() []Name { return slices.Clone(retryable) }

// Meaning is the fixed sentence for operators: what happened to the world.
func (n Name) Meaning() string { return meaning[n].text }

// Next is the one next command or action.
func (n Name) Next() string { return meaning[n].next }

// Error is a fault with what is known of it. Public is safe to show (dates, counts, key names of our own making); the
// wrapped error is for the log alone.
type Error struct {
	Name   Name
	Public string
	err    error
}

// Errorf makes a fault whose text goes to the log only: wrapped errors of other systems may say anything.
func (n Name) Errorf(format string, args ...any) error {
	return &Error{Name: n, err: fmt.Errorf(format, args...)}
}

// Tellf makes a fault whose text is also shown to the operator. Only texts of our own making belong here: dates,
// counts, keys and versions, never what another system answered.
func (n Name) Tellf(format string, args ...any) error {
	text := fmt.Errorf(format, args...)
	return &Error{Name: n, Public: text.Error(), err: text}
}

func (e *Error) Error() string { return string(e.Name) + ": " + e.err.Error() }

// Unwrap gives errors.Is and errors.As the cause.
func (e *Error) Unwrap() error { return e.err }

// Message is what a state machine's history, a notice and an audit record may say: fixed sentences, and the public
// detail where there is one.
func (e *Error) Message() string {
	text := e.Name.Meaning()
	if e.Public != "" {
		text += " (" + e.Public + ")"
	}
	return text + ". Next: " + e.Name.Next()
}

// Of finds the outermost fault in err's chain; an error without one is Unexpected.
func Of(err error) *Error {
	var f *Error
	if errors.As(err, &f) {
		return f
	}
	return &Error{Name: Unexpected, err: err}
}

// Is reports whether err carries the fault name.
func Is(err error, name Name) bool { return err != nil && Of(err).Name == name }
