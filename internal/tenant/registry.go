package tenant

import (
	"context"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Registry is the table of the tenants.
type Registry struct {
	Database  Database
	Table     string
	Addresses Addresses
}

// Find reads a tenant as it is now. Faults: TenantUnknown, AWSUnavailable, AWSRefused.
func (r Registry) Find(ctx context.Context, id string) (Tenant, error) {
	if err := checkID(id); err != nil {
		return Tenant{}, fault.InvalidInput.Tellf("%w", err)
	}
	t, found, err := r.find(ctx, id)
	if err == nil && !found {
		err = fault.TenantUnknown.Tellf("%s", id)
	}
	return t, err
}

func (r Registry) find(ctx context.Context, id string) (t Tenant, found bool, err error) {
	stored, err := read(ctx, r.Database, r.Table, id)
	if err != nil || stored == nil {
		return Tenant{}, false, err
	}
	t, err = tenantOf(stored)
	return t, err == nil, err
}

func tenantOf(stored item) (Tenant, error) {
	var t Tenant
	if err := decode(stored, &t); err != nil {
		return Tenant{}, fault.Unexpected.Errorf("the record of a tenant cannot be read: %w", err)
	}
	return t, nil
}

// write makes a change to a tenant; ok is false when its condition did not hold.
func (r Registry) write(ctx context.Context, id string, c change) (t Tenant, ok bool, err error) {
	after, ok, err := write(ctx, r.Database, r.Table, id, c)
	if err != nil || !ok {
		return Tenant{}, false, err
	}
	t, err = tenantOf(after)
	return t, err == nil, err
}

// Guard lets a step go on that is about to change something for the tenant: its fencing number must still be the newest
// and the lease not released. Faults: LeaseLost, TenantUnknown, AWSUnavailable, AWSRefused.
func (r Registry) Guard(ctx context.Context, tenantID string, fencing int64) error {
	t, err := r.Find(ctx, tenantID)
	if err != nil {
		return err
	}
	return t.Lease.guard(tenantID, fencing)
}

func (l Lease) guard(tenantID string, fencing int64) error {
	switch {
	case l.Fencing != fencing:
		return fault.LeaseLost.Tellf("%s: this run has fencing number %d, the newest is %d", tenantID, fencing, l.Fencing)
	case l.Holder == "":
		return fault.LeaseLost.Tellf("%s: the lease with fencing number %d was released", tenantID, fencing)
	}
	return nil
}
