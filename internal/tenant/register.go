package tenant

import (
	"cmp"
	"context"
	"errors"
	"reflect"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// maxTTL is how long, in seconds, the world may go on sending mail to a dead server after its address was changed.
const maxTTL = 300

// Registration is the payload of RegisterTenant: a new tenant with generation 0, or a new description of one with the
// generation that the registry has, so that nobody overwrites what he has not seen.
type Registration struct {
	Description
	Generation int64 `json:"generation"`
}

// Validate refuses a description that a recovery could not work with.
func (r Registration) Validate() error {
	if r.Generation < 0 {
		return errors.New("generation is negative")
	}
	return r.Description.check()
}

// Registered is the registry after the registration.
type Registered struct {
	TenantID   string `json:"tenant_id"`
	Generation int64  `json:"generation"`
}

// Zone knows the tenant's DNS zone. TTL is that of the name's address records, in seconds.
type Zone interface {
	TTL(ctx context.Context, zoneID, name string) (ttl int, found bool, err error)
}

// Alarms watches over the tenants' servers.
type Alarms interface {
	Put(ctx context.Context, tenantID string) error
}

// Registrar is the function RegisterTenant.
type Registrar struct {
	Registry   Registry
	Executions Executions
	Zone       Zone
	Alarms     Alarms
}

// Register creates the tenant, or replaces its description, and puts the alarm on its server; whether it is suppressed
// stays as it was. An ended execution that still holds the lease holds it no more; the next recovery cleans up after it.
// Repeated, it changes nothing more.
//
// Faults: InvalidInput, also for a generation that is not the registry's and for a zone in which the host has no address
// or keeps it longer than 300 seconds; TenantUnknown; TenantLocked, where an execution works for the tenant;
// AWSUnavailable, AWSRefused; those of Zone, Executions and Alarms.
func (g Registrar) Register(ctx context.Context, in Registration) (Registered, error) {
	if err := cmp.Or(in.Validate(), g.Registry.Addresses.check(in.VPS, "vps")); err != nil {
		return Registered{}, fault.InvalidInput.Tellf("%w", err)
	}
	if err := g.checkTTL(ctx, in); err != nil {
		return Registered{}, err
	}
	err := untilSettled(ctx, "register "+in.ID, func() (bool, error) { return g.attempt(ctx, in) })
	if err != nil {
		return Registered{}, err
	}
	if err := g.Alarms.Put(ctx, in.ID); err != nil {
		return Registered{}, err
	}
	return Registered{TenantID: in.ID, Generation: in.Generation + 1}, nil
}

func (g Registrar) checkTTL(ctx context.Context, in Registration) error {
	ttl, found, err := g.Zone.TTL(ctx, in.HostedZoneID, in.Hostname)
	switch {
	case err != nil:
		return err
	case !found:
		return fault.InvalidInput.Tellf("hostname has no address record in the zone hosted_zone_id")
	case ttl > maxTTL:
		return fault.InvalidInput.Tellf("hostname has a TTL of %d seconds in its zone; a recovery needs at most %d", ttl, maxTTL)
	}
	return nil
}

func (g Registrar) attempt(ctx context.Context, in Registration) (settled bool, err error) {
	old, found, err := g.Registry.find(ctx, in.ID)
	switch {
	case err != nil:
		return false, err
	case !found && in.Generation > 0:
		return false, fault.TenantUnknown.Tellf("%s: a new tenant is registered with generation 0", in.ID)
	case found && old.Generation == in.Generation+1 && reflect.DeepEqual(old.Description, in.Description):
		return true, nil // an earlier attempt's answer was lost
	case found && old.Generation != in.Generation:
		return false, fault.InvalidInput.Tellf("generation: the registry has %s in generation %d", in.ID, old.Generation)
	}
	if err := old.mustBeFree(ctx, g.Executions); err != nil {
		return false, err
	}
	_, ok, err := g.Registry.write(ctx, in.ID, registration(old, found, in))
	return ok, err
}

// registration is the change from the tenant as it was read.
func registration(old Tenant, found bool, in Registration) change {
	c := change{
		set: "SET #name = :name, #contact = :contact, #domains = :domains, #hostname = :hostname," +
			" #hosted_zone_id = :zone, #vps = :vps, #regions = :regions, #host_key = :key," +
			" #credential_id = :credential, #priority = :priority," +
			" #suppressed = :suppressed, #generation = :next, #lease = :free, #arriving = :none",
		when: "attribute_not_exists(#tenant_id)",
		values: values{
			"name": in.Name, "contact": in.Contact, "domains": in.Domains, "hostname": in.Hostname,
			"zone": in.HostedZoneID, "vps": in.VPS, "regions": in.Regions, "key": in.HostKey,
			"credential": in.CredentialID, "priority": in.Priority,
			"suppressed": old.Suppressed, "next": in.Generation + 1, "none": Arrival{}, "free": Lease{Fencing: old.Lease.Fencing, LeftBehind: old.Lease.remains()},
		},
	}
	if found {
		c.when = "#generation = :generation AND #suppressed = :suppressed" +
			" AND #lease.#fencing = :fencing AND #lease.#holder = :holder"
		c.values["generation"], c.values["fencing"], c.values["holder"] = in.Generation, old.Lease.Fencing, old.Lease.Holder
	}
	return c
}
