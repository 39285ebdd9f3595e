package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/backup"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
	"github.com/penguinmails/disaster-recovery/internal/restore"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

// restore measures seed-vault, which reads a backup twice: once to prove it before anything is touched, and once to feed an
// empty node. Against the second pass stands curl, which sends the snapshot from a file.
func (b *bench) restore(ctx context.Context) error {
	plain := filepath.Join(b.dir, "snapshot")
	if _, _, err := curl(ctx, b.Vault, b.Keys.RootToken, snapshotPath, "--output", plain); err != nil {
		return err
	}
	n, err := b.newNode(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = n.Kill() }()
	_, fewer, err := b.seed(ctx, n, b.little)
	if err != nil {
		return err
	}
	var proving time.Duration
	var peak int64
	theirs, ours, err := b.inTurn("curl of the snapshot into an empty node, then seed-vault", func() (time.Duration, error) {
		keys, err := n.initialize(ctx, b.big.Vault)
		if err != nil {
			return 0, err
		}
		took, _, err := curl(ctx, n.Node, keys.RootToken, snapshotPath+"-force", "--request", "POST", "--data-binary", "@"+plain)
		return took, errors.Join(err, n.empty(ctx))
	}, func() (time.Duration, error) {
		passes, used, err := b.seed(ctx, n, b.big)
		if err != nil {
			return 0, err
		}
		if first := passes[0].length(); proving == 0 || first < proving {
			proving = first
		}
		peak = max(peak, used.PeakMemory)
		return used.to.Sub(passes[1].from), nil
	})
	if err != nil {
		return err
	}
	size := megabytes(b.big.Object.Size)
	b.report.add(
		row("seed-vault, first pass, "+size, proving.Seconds(), "s").
			noted("downloaded, opened and proved whole, %.0f MB/s; nothing was touched before.", float64(b.big.Object.Size)/1e6/proving.Seconds()),
		row("seed-vault, feeding pass, "+size, ours.Seconds(), "s").against("curl --data-binary", theirs.Seconds()).ratioAtMost(1.25).
			noted("from the second request for the object until the node has taken the snapshot."),
		row("seed-vault, peak memory, "+megabytes(b.little.Object.Size), float64(fewer.PeakMemory)/1e6, "MB").below(memoryGoal),
		row("seed-vault, peak memory, "+size, float64(peak)/1e6, "MB").below(memoryGoal),
	)
	return nil
}

// seed runs seed-vault into the empty node, which is empty again afterwards, and gives the spans of its two passes.
func (b *bench) seed(ctx context.Context, n *node, taken backup.Snapshot) (passes []span, u used, err error) {
	b.store.Reads()
	var seeded restore.Seeded
	u, err = b.call(ctx, "seed-vault", n.URL(), restore.SeedInput{
		Backup: restore.Backup{Snapshot: taken.Object, Vault: taken.Vault, CapturedAt: taken.CapturedAt}, Node: n.URL(), Execution: run("SeedVault"),
	}, &seeded)
	if err != nil {
		return nil, u, err
	}
	if passes = b.store.Reads(); len(passes) != 2 {
		return nil, u, fmt.Errorf("seed-vault read the backup %d times", len(passes))
	}
	return passes, u, n.empty(ctx)
}

// node is a second Vault, empty unless something was just put into it.
type node struct{ *vaultserver.Node }

// newNode starts the node, empty.
func (b *bench) newNode(ctx context.Context) (*node, error) {
	o := b.Vault.Options()
	o.Dir, o.Name, o.Address, o.ClusterAddress, o.LogFile = filepath.Join(b.dir, "restored"), "vault-2", "", "", ""
	started, err := vaultserver.Start(ctx, o)
	return &node{started}, err
}

// empty loses the node and starts it with nothing at the same address.
func (n *node) empty(ctx context.Context) error {
	if err := n.Kill(); err != nil {
		return err
	}
	if err := n.Wipe(); err != nil {
		return err
	}
	started, err := vaultserver.Start(ctx, n.Options())
	if err != nil {
		return err
	}
	n.Node = started
	return nil
}

// initialize makes the empty node a Vault with the seal of the snapshot's.
func (n *node) initialize(ctx context.Context, of sealed.Vault) (vaultserver.Keys, error) {
	client, err := n.Client()
	if err != nil {
		return vaultserver.Keys{}, err
	}
	keys, err := vaultserver.Init(ctx, client, of.Shares, of.Threshold)
	if err != nil {
		return keys, err
	}
	if err := vaultserver.Unseal(ctx, client, keys.Shares); err != nil {
		return keys, err
	}
	return keys, vaultserver.WaitActive(ctx, client)
}
