package tenant

import (
	"cmp"
	"context"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Release is the payload of UnlockTenant.
type Release struct {
	TenantID string `json:"tenant_id"`
	Fencing  int64  `json:"fencing"`
}

// Validate refuses a release that names no lease.
func (u Release) Validate() error { return cmp.Or(checkID(u.TenantID), checkFencing(u.Fencing)) }

// Released says whether the lease with that number is free now; where it is not, a newer execution has taken it over.
type Released struct {
	Released bool `json:"released"`
}

// Unlock releases the lease if it is still the one with that fencing number. A lease that was lost is no fault here: a
// clean-up that ends with this step has reached its end either way.
//
// Faults: InvalidInput, TenantUnknown, AWSUnavailable, AWSRefused.
func (r Registry) Unlock(ctx context.Context, u Release) (Released, error) {
	if err := u.Validate(); err != nil {
		return Released{}, fault.InvalidInput.Tellf("%w", err)
	}
	var out Released
	err := untilSettled(ctx, "unlock "+u.TenantID, func() (settled bool, err error) {
		_, out.Released, err = r.write(ctx, u.TenantID, change{
			set:    "SET #lease = :free, #arriving = :none",
			when:   "#lease.#fencing = :fencing",
			values: values{"free": Lease{Fencing: u.Fencing, LeftBehind: []string{}}, "fencing": u.Fencing, "none": Arrival{}},
		})
		if err != nil || out.Released {
			return out.Released, err
		}
		t, err := r.Find(ctx, u.TenantID)
		// With our number still on it, another write merely came in between.
		return err == nil && t.Lease.Fencing != u.Fencing, err
	})
	return out, err
}
