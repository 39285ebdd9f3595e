package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/approval"
	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// ConsentInput is the backup that is to be restored over a live Vault.
type ConsentInput struct {
	Backup    Backup         `json:"backup"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input without an inventory to count by.
func (in ConsentInput) Validate() error {
	if in.Backup.Inventory.VersionID == "" || in.Backup.ManifestSHA256 == "" {
		return errors.New("backup.inventory.version_id or backup.manifest_sha256 is missing")
	}
	return in.Execution.Validate()
}

// Consent is what is known of the approval, what the restore would undo, and where what Vault holds now is saved before.
type Consent struct {
	Approved bool `json:"approved"`
	// Hindrance is why not; Command is then the approver's.
	Hindrance  string `json:"hindrance"`
	Command    string `json:"command"`
	ApprovedBy string `json:"approved_by"`
	// ClusterID is the live Vault's.
	ClusterID string `json:"cluster_id"`
	Undone    Undone `json:"undone"`
	// Slot and CaptureID are those of the safety snapshot.
	Slot      archive.Slot `json:"slot"`
	CaptureID string       `json:"capture_id"`
}

// Approvals finds what was approved; approval.Table is one.
type Approvals interface {
	Find(ctx context.Context, clusterID, manifestSHA256 string) (approval.Approval, error)
}

// Asker is the step CheckApproval.
type Asker struct {
	Cluster   *vault.Cluster
	Identity  vault.Identity
	Archive   Archive
	Approvals Approvals
	// Function is the name of ApproveRestore, for the approver's command.
	Function string
	Now      func() time.Time
}

// Check counts what a restore over the live Vault would undo, and looks for the approval of it. Without one that holds, the
// fault is ApprovalRequired and says both; a plan is told the same without a fault. It touches nothing.
func (a Asker) Check(ctx context.Context, in ConsentInput) (Consent, error) {
	named := requester.MatchString(in.Backup.RequestedBy)
	if !named && !in.Backup.Plan {
		return Consent{}, fault.InvalidInput.Tellf("over a live Vault requested_by must say who asks: %s", requesterForm)
	}
	then, err := readInventory(ctx, a.Archive, in.Backup.Inventory)
	if err != nil {
		return Consent{}, err
	}
	session, err := a.Cluster.Login(ctx, a.Identity)
	if fault.Is(err, fault.VaultRefused) { // as does one that was initialised a moment ago, and knows nobody
		slog.WarnContext(ctx, "the live Vault does not let this step in", "error", err.Error())
		return Consent{}, fault.VaultRefused.Tellf("if a restore that broke off has begun this Vault, " +
			"stop it, delete its data directory, start it empty, and start vault-restore again")
	}
	if err != nil {
		return Consent{}, err
	}
	defer session.Logout(ctx)
	out := Consent{
		ClusterID: session.Health.ClusterID,
		Slot:      archive.SlotAt(archive.PreRestore, in.Execution.StartedAt),
		CaptureID: uuid.NewSHA1(safeties, []byte(in.Execution.ARN+"\n"+in.Execution.StartedAt.UTC().Format(time.RFC3339Nano))).String(),
	}
	if out.Undone, err = undone(ctx, session, then); err != nil {
		return Consent{}, err
	}
	now := a.Now()
	out.Undone.AgeSeconds = seconds(now.Sub(in.Backup.CapturedAt))
	if !named {
		out.Hindrance = "requested_by must say who asks: " + requesterForm
		return out, nil
	}
	given, err := a.Approvals.Find(ctx, out.ClusterID, in.Backup.ManifestSHA256)
	if err != nil {
		return Consent{}, err
	}
	if out.Hindrance = given.Hindrance(in.Backup.RequestedBy, now); out.Hindrance == "" {
		out.Approved, out.ApprovedBy = true, given.ApprovedBy
		return out, nil
	}
	out.Command = a.command(in.Backup, out.ClusterID)
	if in.Backup.Plan {
		return out, nil
	}
	return Consent{}, fault.ApprovalRequired.Tellf("it would undo %d secrets written and %d deleted since %s, %s ago; %s. The approver's command, to be completed: %s",
		out.Undone.Written, out.Undone.Deleted, in.Backup.CapturedAt.UTC().Format(time.RFC3339),
		now.Sub(in.Backup.CapturedAt).Round(time.Minute), out.Hindrance, out.Command)
}

// safeties is the UUID namespace of the captures that are taken before a restore.
var safeties = uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:penguinmails:dr:safety"))

// requester admits names that cannot break out of the command that is shown.
var requester = regexp.MustCompile(`^[A-Za-z0-9 ._@+-]{1,64}$`)

const requesterForm = "1 to 64 of A-Z a-z 0-9 space . _ @ + -"

// command is what the approver types, completed: as it stands ApproveRestore refuses it.
func (a Asker) command(b Backup, clusterID string) string {
	payload, err := json.Marshal(Proposal{
		BackupDate: b.BackupDate, ClusterID: clusterID, RequestedBy: b.RequestedBy, ApprovedBy: "?",
	})
	if err != nil {
		panic(err) // strings
	}
	return fmt.Sprintf("aws lambda invoke --function-name %s --cli-binary-format raw-in-base64-out --payload '%s' /dev/stdout", a.Function, payload)
}

func readInventory(ctx context.Context, a Archive, o archive.Object) (found inventory.Inventory, err error) {
	err = a.Read(ctx, o, func(_ sealed.Header, r io.Reader) (err error) {
		found, err = inventory.Read(r)
		if errors.Is(err, inventory.ErrMalformed) {
			return fault.BackupCorrupt.Tellf("%s: %w", o.Key, err)
		}
		return err
	})
	return found, err
}
