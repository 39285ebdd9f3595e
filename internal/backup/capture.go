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

// CaptureInput is what InventorySecrets and SnapshotVault work on.
type CaptureInput struct {
	Plan      Plan           `json:"plan"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses a plan that names no place.
func (in CaptureInput) Validate() error {
	if (in.Plan.Slot == archive.Slot{}) || in.Plan.CaptureID == "" {
		return errors.New("plan.slot and plan.capture_id are missing")
	}
	return in.Execution.Validate()
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
	Object archive.Object `json:"object"`
	// CapturedAt is Vault's clock before the first secret was read: the recovery point.
	CapturedAt time.Time `json:"captured_at"`
	Secrets    int       `json:"secrets"`
}

// Snapshot is the snapshot as it lies in the bucket.
type Snapshot struct {
	Object archive.Object `json:"object"`
	Vault  sealed.Vault   `json:"vault"`
}

// Inventory is the step InventorySecrets. It comes before the snapshot, so that whatever it lists is in the snapshot.
func (c Capturer) Inventory(ctx context.Context, in CaptureInput) (Inventory, error) {
	session, facts, err := c.open(ctx)
	if err != nil {
		return Inventory{}, err
	}
	defer session.Logout(ctx)
	found, err := inventory.Collect(ctx, session, inventory.Head{
		CaptureID: in.Plan.CaptureID, ClusterID: facts.ClusterID, CapturedAt: session.Health.Time,
	})
	if err != nil {
		return Inventory{}, err
	}
	object, err := c.Archive.Seal(ctx, in.Plan.Slot, archive.InventoryName, c.meta(in, facts, sealed.ContentInventory), found.Write)
	return Inventory{Object: object, CapturedAt: found.CapturedAt, Secrets: len(found.Secrets)}, err
}

// Snapshot is the step SnapshotVault: Vault's stream is checked, hashed, sealed and uploaded in one pass. A stream that
// turns out not to be a whole snapshot aborts the upload.
func (c Capturer) Snapshot(ctx context.Context, in CaptureInput) (Snapshot, error) {
	session, facts, err := c.open(ctx)
	if err != nil {
		return Snapshot{}, err
	}
	defer session.Logout(ctx)
	object, err := c.Archive.Seal(ctx, in.Plan.Slot, archive.SnapshotName, c.meta(in, facts, sealed.ContentSnapshot),
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
	return Snapshot{Object: object, Vault: facts}, err
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

func (c Capturer) meta(in CaptureInput, facts sealed.Vault, contentType string) sealed.Meta {
	return sealed.Meta{
		CaptureID: in.Plan.CaptureID, ContentType: contentType,
		CreatedAt: c.Now().UTC().Truncate(time.Second), CreatedBy: in.Execution.ARN, Vault: facts,
	}
}
