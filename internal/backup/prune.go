package backup

import (
	"context"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// PruneInput says only which run asks: what may go is read from the bucket itself.
type PruneInput struct {
	Execution task.Execution `json:"execution"`
}

// Validate checks the part that the state machine itself fills.
func (in PruneInput) Validate() error { return in.Execution.Validate() }

// Pruned is what went, by tier and in all.
type Pruned struct {
	Tiers   map[archive.Tier]archive.Pruned `json:"tiers"`
	Deleted int                             `json:"deleted"`
	// Tampered names the slots whose manifest somebody else has touched, and is empty where there is none.
	Tampered string `json:"tampered"`
	// Alarm: it is no longer ago than three days. The runbook then ends failed, after its backup.
	Alarm bool `json:"alarm"`
}

// Pruner is the step PruneBackups.
type Pruner struct {
	Archive interface {
		Prune(context.Context, archive.Tier) (archive.Pruned, error)
	}
}

// Prune deletes, in every tier, the backups that are over.
func (p Pruner) Prune(ctx context.Context, _ PruneInput) (Pruned, error) {
	out := Pruned{Tiers: map[archive.Tier]archive.Pruned{}}
	var tampered []archive.Slot
	for _, tier := range archive.Tiers() {
		done, err := p.Archive.Prune(ctx, tier)
		if err != nil {
			return Pruned{}, err
		}
		out.Tiers[tier] = done
		out.Deleted += done.Deleted
		tampered = append(tampered, done.Tampered...)
		out.Alarm = out.Alarm || done.Lately
	}
	out.Tampered = archive.Names(tampered)
	return out, nil
}
