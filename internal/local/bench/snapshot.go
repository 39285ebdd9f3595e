package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/backup"
)

const (
	snapshotPath = "/v1/sys/storage/raft/snapshot"
	// memoryGoal is for both functions that a whole snapshot passes through, whatever its size, in MB.
	memoryGoal = 128
)

// snapshot measures snapshot-vault: Vault's stream is checked, hashed, sealed and uploaded. Against it stands curl, which
// throws the same stream away; Vault's own gzip bounds both.
func (b *bench) snapshot(ctx context.Context) error {
	if err := b.ballast(ctx, small); err != nil {
		return err
	}
	var fewer used
	var err error
	if b.little, fewer, err = b.take(ctx); err != nil {
		return err
	}
	if err := b.ballast(ctx, large); err != nil {
		return err
	}
	b.store.Swallow(true)
	var size, peak int64
	var cpu time.Duration
	theirs, ours, err := b.inTurn("curl of the snapshot to nowhere, then snapshot-vault", func() (took time.Duration, err error) {
		took, size, err = curl(ctx, b.Vault, b.Keys.RootToken, snapshotPath, "--output", "/dev/null")
		return took, err
	}, func() (time.Duration, error) {
		_, more, err := b.take(ctx)
		peak, cpu = max(peak, more.PeakMemory), more.CPU
		return more.length(), err
	})
	if err != nil {
		return err
	}
	b.store.Swallow(false)
	if b.big, _, err = b.take(ctx); err != nil {
		return err
	}
	b.report.add(
		row(fmt.Sprintf("snapshot-vault, %s", megabytes(size)), ours.Seconds(), "s").
			against("curl to nowhere", theirs.Seconds()).ratioAtMost(1.1).
			noted("checked, hashed, sealed and uploaded over TLS to a sink. Vault's own gzip bounds both; the function used %.1f s of CPU.", cpu.Seconds()),
		row(fmt.Sprintf("snapshot-vault, peak memory, %s", megabytes(b.little.Object.Size)), float64(fewer.PeakMemory)/1e6, "MB").below(memoryGoal),
		row(fmt.Sprintf("snapshot-vault, peak memory, %s", megabytes(size)), float64(peak)/1e6, "MB").below(memoryGoal),
	)
	return nil
}

// take runs snapshot-vault once.
func (b *bench) take(ctx context.Context) (backup.Snapshot, used, error) {
	var taken backup.Snapshot
	execution := run("SnapshotVault")
	u, err := b.call(ctx, "snapshot-vault", b.Vault.URL(), backup.SnapshotInput{Plan: planAt(execution.StartedAt), Execution: execution}, &taken)
	return taken, u, err
}

// planAt is the plan of a backup on demand.
func planAt(at time.Time) backup.Plan {
	return backup.Plan{Tier: archive.OnDemand, Slot: archive.SlotAt(archive.OnDemand, at), CaptureID: uuid.NewString()}
}

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }
