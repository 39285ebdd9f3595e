package tenant

import (
	"context"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// changesKey is the key of the note on changes of Vault among the tenants.
const changesKey = "#changes"

// changes is the item with that note.
type changes struct {
	At time.Time `json:"at"` // of the last change that may be in no backup; zero where there is none
}

// NoteUnsaved notes a change of Vault that may be in no backup. Faults: AWSUnavailable, AWSRefused.
func (r Registry) NoteUnsaved(ctx context.Context, at time.Time) error {
	return untilSettled(ctx, "note a change of Vault", func() (bool, error) {
		_, ok, err := write(ctx, r.Database, r.Table, changesKey, change{set: "SET #at = :at", values: values{"at": at.UTC()}})
		return ok, err
	})
}

// Unsaved is when Vault was last changed in a way that may be in no backup; the zero time where everything is in one. Faults:
// AWSUnavailable, AWSRefused.
func (r Registry) Unsaved(ctx context.Context) (time.Time, error) {
	stored, err := read(ctx, r.Database, r.Table, changesKey)
	if err != nil || stored == nil {
		return time.Time{}, err
	}
	var c changes
	if err := decode(stored, &c); err != nil {
		return time.Time{}, fault.Unexpected.Errorf("the note on changes of Vault cannot be read: %w", err)
	}
	return c.At, nil
}

// Saved takes the note away if it is still the one of that change: a later one is in no backup yet. Faults: AWSUnavailable,
// AWSRefused.
func (r Registry) Saved(ctx context.Context, at time.Time) error {
	_, _, err := write(ctx, r.Database, r.Table, changesKey, change{
		set: "SET #at = :none", when: "#at = :at", values: values{"at": at.UTC(), "none": time.Time{}},
	})
	return err
}
