package tenant

import (
	"cmp"
	"context"
	"errors"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Move is the payload of MoveTenant: the server that the tenant's mail now runs on.
type Move struct {
	TenantID     string `json:"tenant_id"`
	Fencing      int64  `json:"fencing"`
	CredentialID string `json:"credential_id"` // the credential that was installed there
	VPS          VPS    `json:"vps"`
	HostKey      string `json:"host_key"`
}

// Validate refuses a server that a later recovery could not work with.
func (m Move) Validate() error {
	return cmp.Or(
		checkID(m.TenantID), checkFencing(m.Fencing), match(identifier, "credential_id", m.CredentialID),
		m.VPS.check("vps"), checkHostKey("host_key", m.HostKey),
	)
}

// Moved is the registry after the move.
type Moved struct {
	TenantID   string `json:"tenant_id"`
	Generation int64  `json:"generation"`
}

// Move records the tenant's new server, once: repeated, it changes nothing more.
//
// Faults: LeaseLost, where a newer execution holds the tenant; CredentialStale, where the credential was rotated since it
// was installed; InvalidInput, TenantUnknown, AWSUnavailable, AWSRefused.
func (r Registry) Move(ctx context.Context, m Move) (Moved, error) {
	if err := cmp.Or(m.Validate(), r.Addresses.check(m.VPS, "vps")); err != nil {
		return Moved{}, fault.InvalidInput.Tellf("%w", err)
	}
	var after Tenant
	err := untilSettled(ctx, "move "+m.TenantID, func() (settled bool, err error) {
		after, settled, err = r.move(ctx, m)
		return settled, err
	})
	if err != nil {
		return Moved{}, err
	}
	return Moved{TenantID: after.ID, Generation: after.Generation}, nil
}

func (r Registry) move(ctx context.Context, m Move) (t Tenant, settled bool, err error) {
	t, ok, err := r.write(ctx, m.TenantID, change{
		set: "SET #vps = :vps, #host_key = :key, #generation = #generation + :one, #arriving = :none",
		when: "#lease.#fencing = :fencing AND #lease.#holder <> :nobody AND #credential_id = :credential" +
			" AND (#vps <> :vps OR #host_key <> :key)",
		values: values{
			"vps": m.VPS, "key": m.HostKey, "one": 1, "none": Arrival{},
			"fencing": m.Fencing, "nobody": "", "credential": m.CredentialID,
		},
	})
	if err != nil || ok {
		return t, ok, err
	}
	if err := r.refusal(ctx, m); err != nil {
		return Tenant{}, false, err
	}
	t, err = r.Find(ctx, m.TenantID)
	// Where it is so already, an earlier attempt's answer was lost.
	return t, err == nil && t.VPS == m.VPS && t.HostKey == m.HostKey, err
}

func checkFencing(n int64) error {
	if n < 1 {
		return errors.New("fencing is not the number that LockTenant gave")
	}
	return nil
}
