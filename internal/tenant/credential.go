package tenant

import (
	"cmp"
	"context"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Rotation names the credential that replaces another.
type Rotation struct {
	TenantID string `json:"tenant_id"`
	From     string `json:"from"`
	To       string `json:"to"`
}

// Validate refuses what names no two credentials.
func (c Rotation) Validate() error {
	return cmp.Or(checkID(c.TenantID), match(identifier, "from", c.From), match(identifier, "to", c.To))
}

// SetCredential names another credential as the one that may be installed, if the registry still names the one it
// replaces. It needs no lease: a leaked credential does not wait for a recovery to end, and Move then refuses to end
// that recovery with the old one. Repeated, it changes nothing more.
//
// Faults: CredentialStale, where the registry names neither; InvalidInput, TenantUnknown, AWSUnavailable, AWSRefused.
func (r Registry) SetCredential(ctx context.Context, c Rotation) error {
	if err := c.Validate(); err != nil {
		return fault.InvalidInput.Tellf("%w", err)
	}
	return untilSettled(ctx, "set the credential of "+c.TenantID, func() (settled bool, err error) {
		_, ok, err := r.write(ctx, c.TenantID, change{
			set:    "SET #credential_id = :to, #generation = #generation + :one",
			when:   "#credential_id = :from",
			values: values{"from": c.From, "to": c.To, "one": 1},
		})
		if err != nil || ok {
			return ok, err
		}
		t, err := r.Find(ctx, c.TenantID)
		switch {
		case err != nil:
			return false, err
		case t.CredentialID == c.To:
			return true, nil
		case t.CredentialID != c.From:
			return false, fault.CredentialStale.Tellf("%s: the registry names another credential", c.TenantID)
		}
		return false, nil
	})
}
