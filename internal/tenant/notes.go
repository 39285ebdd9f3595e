package tenant

import (
	"context"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Unsettled reports whether machines are to see to it that the tenant's credential becomes one again.
func (t Tenant) Unsettled() bool { return !t.StaleSince.IsZero() && !t.Suppressed }

// NoteStale notes since when the tenant's credential is not seen to be one; the zero time takes the note away. It needs no
// lease: the note starts looks, and a look decides. Faults: InvalidInput, TenantUnknown, AWSUnavailable, AWSRefused.
func (r Registry) NoteStale(ctx context.Context, tenantID string, since time.Time) error {
	return r.note(ctx, tenantID, "SET #stale_since = :at", since)
}

// NoteRotation notes for when a routine rotation was announced to the tenant. It needs no lease. Faults: as NoteStale.
func (r Registry) NoteRotation(ctx context.Context, tenantID string, due time.Time) error {
	return r.note(ctx, tenantID, "SET #rotation_due = :at", due)
}

func (r Registry) note(ctx context.Context, tenantID, set string, at time.Time) error {
	if err := checkID(tenantID); err != nil {
		return fault.InvalidInput.Tellf("%w", err)
	}
	return untilSettled(ctx, "note "+tenantID, func() (bool, error) {
		_, ok, err := r.write(ctx, tenantID, change{set: set, when: "attribute_exists(#tenant_id)", values: values{"at": at}})
		if err == nil && !ok {
			_, err = r.Find(ctx, tenantID)
		}
		return ok, err
	})
}
