package tenant

import (
	"cmp"
	"context"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Announced is the server that the records are about to point to.
type Announced struct {
	TenantID string  `json:"tenant_id"`
	Arriving Arrival `json:"arriving"`
}

// Announce is the step AnnounceMove: it writes down where the tenant is going before DNS is changed, so that whoever takes
// over after the change can finish the move, and loses no mail that has arrived there. Repeated, it changes nothing more.
//
// Faults: those of Move.
func (r Registry) Announce(ctx context.Context, m Move) (Announced, error) {
	if err := cmp.Or(m.Validate(), r.Addresses.check(m.VPS, "vps")); err != nil {
		return Announced{}, fault.InvalidInput.Tellf("%w", err)
	}
	arriving := Arrival{VPS: m.VPS, HostKey: m.HostKey}
	err := untilSettled(ctx, "announce "+m.TenantID, func() (settled bool, err error) {
		_, ok, err := r.write(ctx, m.TenantID, change{
			set:  "SET #arriving = :arriving",
			when: "#lease.#fencing = :fencing AND #lease.#holder <> :nobody AND #credential_id = :credential",
			values: values{
				"arriving": arriving, "fencing": m.Fencing, "nobody": "", "credential": m.CredentialID,
			},
		})
		if err != nil || ok {
			return ok, err
		}
		return false, r.refusal(ctx, m)
	})
	if err != nil {
		return Announced{}, err
	}
	return Announced{TenantID: m.TenantID, Arriving: arriving}, nil
}

// refusal says what stands against a move; nil where another write merely came in between.
func (r Registry) refusal(ctx context.Context, m Move) error {
	t, err := r.Find(ctx, m.TenantID)
	if err != nil {
		return err
	}
	if err := t.Lease.guard(m.TenantID, m.Fencing); err != nil {
		return err
	}
	if t.CredentialID != m.CredentialID {
		return fault.CredentialStale.Tellf("%s: the credential was rotated during the recovery", m.TenantID)
	}
	return nil
}
