package backup

import (
	"context"
	"errors"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// PromoteInput is a verified capture and the plan that says where else it goes.
type PromoteInput struct {
	Plan      Plan           `json:"plan"`
	Inventory Inventory      `json:"inventory"`
	Snapshot  Snapshot       `json:"snapshot"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses a plan that promotes nothing.
func (in PromoteInput) Validate() error {
	if (in.Plan.PromoteTo == archive.Slot{}) {
		return errors.New("plan.promote_to is missing")
	}
	return in.Execution.Validate()
}

// Promoted is the capture as it lies in its second slot; VerifyBackup proves and signs it there like any other.
type Promoted struct {
	Slot      archive.Slot `json:"slot"`
	Inventory Inventory    `json:"inventory"`
	Snapshot  Snapshot     `json:"snapshot"`
}

// Promoter is the step PromoteBackup.
type Promoter struct{ Archive *archive.Store }

// Promote writes the capture anew into the monthly slot, under the monthly lock.
func (p Promoter) Promote(ctx context.Context, in PromoteInput) (Promoted, error) {
	to := in.Plan.PromoteTo
	out := Promoted{Slot: to, Inventory: in.Inventory, Snapshot: in.Snapshot}
	var err error
	if out.Inventory.Object, err = p.Archive.Copy(ctx, in.Inventory.Object, to, archive.InventoryName); err != nil {
		return Promoted{}, err
	}
	out.Snapshot.Object, err = p.Archive.Copy(ctx, in.Snapshot.Object, to, archive.SnapshotName)
	return out, err
}
