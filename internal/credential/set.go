package credential

import (
	"context"

	"github.com/penguinmails/disaster-recovery/internal/mailu"
)

// Setter is the step SetCredentials.
type Setter struct {
	// Current makes the current credential the server's; see mailu.Setter.
	Current  func(context.Context, mailu.SetInput) (mailu.Credentials, error)
	Registry Registry
	Restores Restores
	Login    Login
	Open     Open
}

// Set gives the administrator on the server the password of the pending credential, or with Pending not set of the current
// one. A pending credential is read again when the server is open already: Mailu knows no check-and-set, so the time in
// which another run can come first is kept short. One that is committed by now is left alone.
//
// A restore of Vault that has begun by then would forget the pending one: it is not set.
//
// Faults: RotationOvertaken for a credential that is neither committed nor may be; RestoreUnderway; CredentialMissing; those
// of Mailu, the server, Vault and the registry.
func (s Setter) Set(ctx context.Context, in mailu.SetInput) (mailu.Credentials, error) {
	if !in.Pending {
		return s.Current(ctx, in)
	}
	if err := restoring(ctx, s.Restores); err != nil {
		return mailu.Credentials{}, err
	}
	v, logout, err := s.Login(ctx)
	if err != nil {
		return mailu.Credentials{}, err
	}
	defer logout()
	box, closed, err := s.Open(ctx, v, in.Tenant.ID, in.Server, "")
	if err != nil {
		return mailu.Credentials{}, err
	}
	defer closed()
	seen, err := find(ctx, s.Registry, v, in.Tenant.ID, in.Tenant.CredentialID)
	if err != nil {
		return mailu.Credentials{}, err
	}
	set := mailu.Credentials{Username: seen.username(), Through: box.Through(), DKIM: []mailu.DKIM{}}
	if seen.committed(in.Tenant.CredentialID) {
		return set, nil
	}
	password, err := seen.pending.open(ctx, v, in.Tenant.ID)
	if err != nil {
		return mailu.Credentials{}, err
	}
	set.Changed, err = box.Install(ctx, mailu.Credential{Username: set.Username, Password: password, WebmailURL: seen.current.text("webmail_url")})
	if err != nil {
		return mailu.Credentials{}, err
	}
	set.Through = box.Through()
	return set, nil
}
