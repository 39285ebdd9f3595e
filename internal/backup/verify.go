package backup

import (
	"context"
	"errors"
	"io"
	"reflect"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/raftsnapshot"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// VerifyInput is what lies in the bucket, as the steps before said it.
type VerifyInput struct {
	Slot      archive.Slot   `json:"slot"`
	CaptureID string         `json:"capture_id"`
	Inventory Inventory      `json:"inventory"`
	Snapshot  Snapshot       `json:"snapshot"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input that names no place.
func (in VerifyInput) Validate() error {
	if (in.Slot == archive.Slot{}) || in.CaptureID == "" {
		return errors.New("slot and capture_id are missing")
	}
	return in.Execution.Validate()
}

// Verified is a signed backup.
type Verified struct {
	Slot       archive.Slot `json:"slot"`
	BackupDate string       `json:"backup_date"`
	// ManifestSHA256 is the digest of the signed manifest: quoted in the notice, it is a witness outside the account.
	ManifestSHA256    string    `json:"manifest_sha256"`
	ManifestVersionID string    `json:"manifest_version_id"`
	CapturedAt        time.Time `json:"captured_at"`
	VerifiedAt        time.Time `json:"verified_at"`
	SnapshotBytes     int64     `json:"snapshot_bytes"`
	Secrets           int       `json:"secrets"`
}

// Archive is what verifying asks of the archive.
type Archive interface {
	Read(context.Context, archive.Object, func(sealed.Header, io.Reader) error) error
	Survey(context.Context, archive.Tier) (archive.Survey, error)
	Sign(context.Context, archive.Manifest) (archive.Signed, error)
}

// Verifier is the step VerifyBackup, the only one that may sign.
type Verifier struct {
	Archive Archive
	Now     func() time.Time
}

// Verify reads back from the bucket exactly the two versions that this execution wrote, proves them, and signs the
// manifest for them. A slot that has a manifest already keeps it.
func (v Verifier) Verify(ctx context.Context, in VerifyInput) (Verified, error) {
	found, err := v.inventory(ctx, in)
	if err != nil {
		return Verified{}, err
	}
	if err := v.snapshot(ctx, in); err != nil {
		return Verified{}, err
	}
	previous, err := v.previous(ctx, in.Slot)
	if err != nil {
		return Verified{}, err
	}
	signed, err := v.Archive.Sign(ctx, archive.Manifest{
		Slot: in.Slot, CaptureID: in.CaptureID,
		Snapshot: in.Snapshot.Object, Inventory: in.Inventory.Object, Vault: in.Snapshot.Vault,
		Secrets: len(found.Secrets), CapturedAt: found.CapturedAt, VerifiedAt: v.Now().UTC().Truncate(time.Second),
		Execution: in.Execution.ARN, PreviousSHA256: previous,
	})
	return Verified{
		Slot: signed.Slot, BackupDate: signed.Slot.BackupDate(),
		ManifestSHA256: signed.SHA256, ManifestVersionID: signed.VersionID,
		CapturedAt: signed.CapturedAt, VerifiedAt: signed.VerifiedAt,
		SnapshotBytes: signed.Snapshot.Size, Secrets: signed.Secrets,
	}, err
}

func (v Verifier) inventory(ctx context.Context, in VerifyInput) (found inventory.Inventory, err error) {
	err = v.Archive.Read(ctx, in.Inventory.Object, func(h sealed.Header, r io.Reader) error {
		if err := in.expect(h, sealed.ContentInventory); err != nil {
			return err
		}
		found, err = inventory.Read(r)
		if errors.Is(err, inventory.ErrMalformed) {
			return fault.BackupCorrupt.Tellf("%s: %w", in.Inventory.Object.Key, err)
		}
		return err
	})
	switch {
	case err != nil:
		return found, err
	case found.CaptureID != in.CaptureID || found.ClusterID != in.Snapshot.Vault.ClusterID:
		return found, fault.BackupCorrupt.Tellf("%s belongs to another capture", in.Inventory.Object.Key)
	case len(found.Secrets) != in.Inventory.Secrets || !found.CapturedAt.Equal(in.Snapshot.CapturedAt):
		return found, fault.BackupCorrupt.Tellf("%s is not the inventory that was taken", in.Inventory.Object.Key)
	}
	return found, nil
}

func (v Verifier) snapshot(ctx context.Context, in VerifyInput) error {
	return v.Archive.Read(ctx, in.Snapshot.Object, func(h sealed.Header, r io.Reader) error {
		if err := in.expect(h, sealed.ContentSnapshot); err != nil {
			return err
		}
		if !reflect.DeepEqual(h.Vault, in.Snapshot.Vault) {
			return fault.BackupCorrupt.Tellf("%s was taken from another Vault", in.Snapshot.Object.Key)
		}
		summary, err := raftsnapshot.Check(r)
		if err != nil {
			return corrupt(err, in.Snapshot.Object.Key)
		}
		if summary.Index < h.Vault.RaftIndex {
			return fault.BackupCorrupt.Tellf("%s is older than its header says", in.Snapshot.Object.Key)
		}
		return nil
	})
}

// corrupt names what Check found in a stored snapshot; errors of the way there keep their name.
func corrupt(err error, key string) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	return fault.BackupCorrupt.Tellf("%s: %w", key, raftsnapshot.ErrIncomplete)
}

// expect refuses a file of another capture, execution or kind.
func (in VerifyInput) expect(h sealed.Header, contentType string) error {
	if h.CaptureID != in.CaptureID || h.CreatedBy != in.Execution.ARN || h.ContentType != contentType {
		return fault.BackupCorrupt.Tellf("a file in %s belongs to another capture", in.Slot)
	}
	return nil
}

// previous is the digest of the newest manifest of the tier before this slot.
func (v Verifier) previous(ctx context.Context, slot archive.Slot) (string, error) {
	there, err := v.Archive.Survey(ctx, slot.Tier)
	if err != nil {
		return "", err
	}
	for _, b := range there.Backups { // newest first
		if b.Slot.Time.Before(slot.Time) {
			return b.SHA256, nil
		}
	}
	return "", nil
}
