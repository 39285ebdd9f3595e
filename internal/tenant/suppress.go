package tenant

import (
	"context"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Suppress turns automatic recoveries of one tenant off or on again; people may still start one. It needs no lease.
// Faults: InvalidInput, TenantUnknown, AWSUnavailable, AWSRefused.
func (r Registry) Suppress(ctx context.Context, tenantID string, suppressed bool) error {
	if err := checkID(tenantID); err != nil {
		return fault.InvalidInput.Tellf("%w", err)
	}
	return untilSettled(ctx, "suppress "+tenantID, func() (bool, error) {
		_, ok, err := r.write(ctx, tenantID, change{
			set:    "SET #suppressed = :suppressed",
			when:   "attribute_exists(#tenant_id)",
			values: values{"suppressed": suppressed},
		})
		if err == nil && !ok {
			_, err = r.Find(ctx, tenantID)
		}
		return ok, err
	})
}
