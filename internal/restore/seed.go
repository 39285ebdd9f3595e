package restore

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/raftsnapshot"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// SeedInput is the backup and the one empty node that will become it.
type SeedInput struct {
	Backup    Backup         `json:"backup"`
	Node      string         `json:"node"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input that names no node or no snapshot.
func (in SeedInput) Validate() error {
	if in.Node == "" || in.Backup.Snapshot.VersionID == "" {
		return errors.New("node and backup.snapshot.version_id are missing")
	}
	return in.Execution.Validate()
}

// Seeded says when the node had taken the snapshot; it applies it afterwards, on its own.
type Seeded struct {
	Node     string    `json:"node"`
	SeededAt time.Time `json:"seeded_at"`
}

// Seeder is the step SeedVault.
type Seeder struct {
	Cluster *vault.Cluster
	Archive Archive
	Now     func() time.Time
}

// Seed makes an empty node the Vault of the snapshot, in one go: the keys of the short-lived cluster in between exist in
// this call's memory and nowhere else. The first pass over the backup proves it whole before anything is touched; up to
// there the faults are those of the archive and the node is as it was. From the initialisation on every failure is
// SeedFailed: the node must then be wiped. Never run it twice on the same node.
func (s Seeder) Seed(ctx context.Context, in SeedInput) (Seeded, error) {
	if err := whole(ctx, s.Archive, in.Backup.Snapshot); err != nil {
		return Seeded{}, err
	}
	node, err := s.empty(ctx, in)
	if err != nil {
		return Seeded{}, err
	}
	if err := s.become(ctx, node, in.Backup); err != nil {
		return Seeded{}, fault.SeedFailed.Errorf("%s: %w", node.Address, err)
	}
	return Seeded{Node: node.Address, SeededAt: s.Now().UTC()}, nil
}

// whole reads a snapshot to its end, and proves it before anything is done with it.
func whole(ctx context.Context, a Archive, snapshot archive.Object) error {
	return a.Read(ctx, snapshot, func(_ sealed.Header, r io.Reader) error {
		_, err := raftsnapshot.Check(r)
		if errors.Is(err, raftsnapshot.ErrIncomplete) && fault.Of(err).Name == fault.Unexpected {
			return fault.BackupCorrupt.Tellf("%s: %w", snapshot.Key, raftsnapshot.ErrIncomplete)
		}
		return err
	})
}

// empty finds the node and makes sure that it still is the one empty node, with the seal that the snapshot needs.
func (s Seeder) empty(ctx context.Context, in SeedInput) (*vault.Node, error) {
	var node *vault.Node
	for _, n := range s.Cluster.Nodes() {
		state := n.Health(ctx).State
		switch {
		case n.Address == in.Node && state == vault.Uninitialized:
			node = n
		case n.Address == in.Node && state == vault.Unreachable:
			return nil, fault.VaultUnreachable.Tellf("%s does not answer any more", n.Address)
		case n.Address == in.Node || state != vault.Unreachable:
			return nil, fault.NotASingleEmptyNode.Tellf("%s is %s", n.Address, state)
		}
	}
	if node == nil {
		return nil, fault.InvalidInput.Tellf("%s is none of Vault's nodes", in.Node)
	}
	seal, err := node.Seal(ctx)
	if err != nil {
		return nil, err
	}
	if seal.Type != in.Backup.Vault.SealType {
		return nil, fault.SealMismatch.Tellf("the node's seal is %s, the snapshot's is %s", seal.Type, in.Backup.Vault.SealType)
	}
	return node, nil
}

// become initialises the node with the snapshot's own number of shares and threshold (with others the node would keep
// the wrong numbers, and no share would ever open it), opens it, and feeds it the snapshot.
func (s Seeder) become(ctx context.Context, node *vault.Node, b Backup) error {
	seal := vault.Seal{Type: b.Vault.SealType, Shares: b.Vault.Shares, Threshold: b.Vault.Threshold}
	keys, err := node.Initialize(ctx, seal)
	if err != nil {
		return err
	}
	if seal.Shamir() {
		if err := node.Unseal(ctx, keys.Shares); err != nil {
			return err
		}
	}
	if err := leads(ctx, node); err != nil {
		return err
	}
	session, err := node.AsRoot(keys)
	if err != nil {
		return err
	}
	return s.Archive.Read(ctx, b.Snapshot, func(_ sealed.Header, r io.Reader) error {
		return session.RestoreForced(ctx, r)
	})
}

// leads waits until the freshly opened node leads: a second or two, on which only the next call of this one depends.
func leads(ctx context.Context, node *vault.Node) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for node.Health(ctx).State != vault.Active {
		select {
		case <-ctx.Done():
			return fault.VaultUnreachable.Errorf("%s does not lead: %w", node.Address, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}
