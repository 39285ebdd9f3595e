package backup

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/raftsnapshot"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// SnapshotInput is what SnapshotVault works on.
type SnapshotInput struct {
	Plan      Plan           `json:"plan"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses a plan that names no place.
func (in SnapshotInput) Validate() error {
	if (in.Plan.Slot == archive.Slot{}) || in.Plan.CaptureID == "" {
		return errors.New("plan.slot and plan.capture_id are missing")
	}
	return in.Execution.Validate()
}

// InventoryInput is what InventorySecrets works on: the plan, and the snapshot that was just taken.
type InventoryInput struct {
	Plan      Plan           `json:"plan"`
	Snapshot  Snapshot       `json:"snapshot"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses a plan that names no place, and a snapshot without its moment.
func (in InventoryInput) Validate() error {
	if in.Snapshot.CapturedAt.IsZero() {
		return errors.New("snapshot.captured_at is missing")
	}
	return SnapshotInput{in.Plan, in.Execution}.Validate()
}

// Capturer reads Vault and seals what it read into the plan's slot.
type Capturer struct {
	Cluster  *vault.Cluster
	Identity vault.Identity
	Archive  *archive.Store
	Now      func() time.Time
}

// Inventory is the inventory as it lies in the bucket.
type Inventory struct {
	Object  archive.Object `json:"object"`
	Secrets int            `json:"secrets"`
}

// Snapshot is the snapshot as it lies in the bucket.
type Snapshot struct {
	Object archive.Object `json:"object"`
	Vault  sealed.Vault   `json:"vault"`
	// CapturedAt is Vault's clock, to the second, before the snapshot was begun: the recovery point.
	CapturedAt time.Time `json:"captured_at"`
}

// Inventory is the step InventorySecrets. It comes after the snapshot: what it lists and Vault stamped before the
// snapshot was begun must be in the snapshot, and what is younger may be. The other way round, a secret that was deleted
// between the two would look lost after a restore.
func (c Capturer) Inventory(ctx context.Context, in InventoryInput) (Inventory, error) {
	session, facts, err := c.open(ctx)
	if err != nil {
		return Inventory{}, err
	}
	defer session.Logout(ctx)
	found, err := inventory.Collect(ctx, session, inventory.Head{
		CaptureID: in.Plan.CaptureID, ClusterID: facts.ClusterID, CapturedAt: in.Snapshot.CapturedAt,
	})
	if err != nil {
		return Inventory{}, err
	}
	object, err := c.Archive.Seal(ctx, in.Plan.Slot, archive.InventoryName, c.meta(in.Plan, in.Execution, facts, sealed.ContentInventory), found.Write)
	return Inventory{Object: object, Secrets: len(found.Secrets)}, err
}

// Snapshot is the step SnapshotVault: Vault's stream is checked, hashed, sealed and uploaded in one pass. A stream that
// turns out not to be a whole snapshot aborts the upload.
func (c Capturer) Snapshot(ctx context.Context, in SnapshotInput) (Snapshot, error) {
	session, facts, err := c.open(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	defer session.Logout(ctx)
	object, err := c.Archive.Seal(ctx, in.Plan.Slot, archive.SnapshotName, c.meta(in.Plan, in.Execution, facts, sealed.ContentSnapshot),
		func(w io.Writer) error {
			stream, err := session.Snapshot(ctx)
			if err != nil {
				return err
			}
			defer stream.Close()
			if _, err := raftsnapshot.Check(io.TeeReader(stream, w)); err != nil {
				return fault.SnapshotIncomplete.Errorf("%w", err) // an upload that ended first is named by Seal
			}
			return nil
		})
	return Snapshot{Object: object, Vault: facts, CapturedAt: session.Health.Time}, err
}

// open logs in and asks Vault what a restore will have to know.
func (c Capturer) open(ctx context.Context) (*vault.Session, sealed.Vault, error) {
	session, err := c.Cluster.Login(ctx, c.Identity)
	if err != nil {
		return nil, sealed.Vault{}, err
	}
	facts, err := describe(ctx, session)
	if err != nil {
		session.Logout(ctx)
		return nil, sealed.Vault{}, err
	}
	return session, facts, nil
}

func describe(ctx context.Context, s *vault.Session) (sealed.Vault, error) {
	seal, err := s.Seal(ctx)
	if err != nil {
		return sealed.Vault{}, err
	}
	index, err := s.RaftIndex(ctx)
	if err != nil {
		return sealed.Vault{}, err
	}
	devices, err := s.AuditDevices(ctx)
	if err != nil {
		return sealed.Vault{}, err
	}
	mounts, err := s.Mounts(ctx)
	if err != nil {
		return sealed.Vault{}, err
	}
	return sealed.Vault{
		Version: s.Health.Version, ClusterID: s.Health.ClusterID,
		SealType: seal.Type, Shares: seal.Shares, Threshold: seal.Threshold,
		RaftIndex: index, AuditDevices: devices, Mounts: slices.Sorted(maps.Keys(mounts)),
	}, nil
}

func (c Capturer) meta(plan Plan, run task.Execution, facts sealed.Vault, contentType string) sealed.Meta {
	return sealed.Meta{
		CaptureID: plan.CaptureID, ContentType: contentType,
		CreatedAt: c.Now().UTC().Truncate(time.Second), CreatedBy: run.ARN, Vault: facts,
	}
}
