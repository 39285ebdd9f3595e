package restore

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/approval"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// OverInput is the backup, and the live Vault that is to become it.
type OverInput struct {
	Backup Backup `json:"backup"`
	// ClusterID is the identity of the Vault for which the approval was looked up.
	ClusterID string         `json:"cluster_id"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input that names no snapshot or no Vault.
func (in OverInput) Validate() error {
	if in.ClusterID == "" || in.Backup.Snapshot.VersionID == "" || in.Backup.ManifestSHA256 == "" {
		return errors.New("cluster_id, backup.snapshot.version_id or backup.manifest_sha256 is missing")
	}
	return in.Execution.Validate()
}

// Fed says when Vault had taken the snapshot; it applies it afterwards, on its own.
type Fed struct {
	Node string `json:"node"`
	// Forced: the snapshot is another cluster's.
	Forced bool      `json:"forced"`
	FedAt  time.Time `json:"fed_at"`
}

// Consumable are approvals that can be used; approval.Table is one.
type Consumable interface {
	Approvals
	Use(ctx context.Context, a approval.Approval, execution string) (ok bool, err error)
}

// Overwriter is the step RestoreSnapshot.
type Overwriter struct {
	Cluster   *vault.Cluster
	Identity  vault.Identity
	Archive   Archive
	Approvals Consumable
	Now       func() time.Time
}

// Restore feeds a live Vault the snapshot, once its approval has been used up for this execution. The first pass over the
// backup proves it whole before anything is touched; up to the feeding the faults are those of the archive, of Vault and of
// the approval, and Vault is as it was. From there on every failure is RestoreInterrupted. Never run it twice.
func (o Overwriter) Restore(ctx context.Context, in OverInput) (Fed, error) {
	if err := whole(ctx, o.Archive, in.Backup.Snapshot); err != nil {
		return Fed{}, err
	}
	session, err := o.Cluster.Login(ctx, o.Identity)
	if err != nil {
		return Fed{}, err
	}
	if err := o.fits(ctx, session, in); err != nil {
		session.Logout(ctx)
		return Fed{}, err
	}
	if err := mark(ctx, session, in.Execution.ARN); err != nil {
		session.Logout(ctx)
		return Fed{}, err
	}
	if err := o.use(ctx, in); err != nil {
		session.Logout(ctx)
		return Fed{}, err
	}
	// There is no logout from here on: the token goes with what Vault held.
	feed, forced := session.Restore, session.Health.ClusterID != in.Backup.Vault.ClusterID
	if forced {
		feed = session.RestoreForced
	}
	err = o.Archive.Read(ctx, in.Backup.Snapshot, func(_ sealed.Header, r io.Reader) error { return feed(ctx, r) })
	if err != nil {
		return Fed{}, fault.RestoreInterrupted.Errorf("%s: %w", session.Address, err)
	}
	return Fed{Node: session.Address, Forced: forced, FedAt: o.Now().UTC()}, nil
}

// fits makes sure that Vault still is the one that was approved, and that its seal opens what the snapshot holds: with
// other numbers of shares Vault would keep its own, and no share would ever open it.
func (o Overwriter) fits(ctx context.Context, session *vault.Session, in OverInput) error {
	if session.Health.ClusterID != in.ClusterID {
		return fault.ApprovalRequired.Tellf("Vault is another cluster now than the one of which the approval speaks")
	}
	seal, err := session.Seal(ctx)
	if err != nil {
		return err
	}
	want := vault.Seal{Type: in.Backup.Vault.SealType, Shares: in.Backup.Vault.Shares, Threshold: in.Backup.Vault.Threshold}
	if seal != want {
		return fault.SealMismatch.Tellf("Vault's seal is %s, %d shares, threshold %d; the snapshot's is %s, %d, %d",
			seal.Type, seal.Shares, seal.Threshold, want.Type, want.Shares, want.Threshold)
	}
	return nil
}

// use takes the approval for this execution, if it still holds.
func (o Overwriter) use(ctx context.Context, in OverInput) error {
	given, err := o.Approvals.Find(ctx, in.ClusterID, in.Backup.ManifestSHA256)
	if err != nil {
		return err
	}
	if hindrance := given.Hindrance(in.Backup.RequestedBy, o.Now()); hindrance != "" {
		return fault.ApprovalRequired.Tellf("%s", hindrance)
	}
	ok, err := o.Approvals.Use(ctx, given, in.Execution.ARN)
	switch {
	case err != nil:
		return err
	case !ok:
		return fault.ApprovalRequired.Tellf("the approval was used or given anew in this moment")
	}
	return nil
}
