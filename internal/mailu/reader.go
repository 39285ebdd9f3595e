package mailu

import "context"

// Reader reads credentials for steps that only use them.
type Reader struct{ Login Login }

// Credential reads a tenant's credential with a login of its own. Faults: those of ReadCredential, and of the login.
func (r Reader) Credential(ctx context.Context, tenantID, credentialID string) (Credential, error) {
	secrets, logout, err := r.Login(ctx)
	if err != nil {
		return Credential{}, err
	}
	defer logout()
	return ReadCredential(ctx, secrets, tenantID, credentialID)
}
