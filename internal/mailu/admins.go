package mailu

import (
	"context"

	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Admins are the administrators of one Mailu, open for a while.
type Admins struct{ api *Client }

// OpenAdmins opens a server and the API behind it with the keys that Vault holds for the tenant; the returned function closes
// it again.
func OpenAdmins(ctx context.Context, s Secrets, tenantID string, at Server) (*Admins, func(), error) {
	key, err := sshKey(ctx, s, tenantID)
	if err != nil {
		return nil, nil, err
	}
	token, err := apiToken(ctx, s, tenantID)
	if err != nil {
		return nil, nil, err
	}
	session, err := remote.Dial(ctx, at.ssh(), sshUser, key, at.HostKey)
	if err != nil {
		return nil, nil, err
	}
	return &Admins{apiThrough(session, token)}, func() { _ = session.Close() }, nil
}

// Has reports whether the password is the one of an administrator that can use it. It asks for no login.
func (a *Admins) Has(ctx context.Context, username string, password secret.String) (bool, error) {
	user, err := a.api.User(ctx, username)
	if err != nil || user == nil {
		return false, err
	}
	return user.Has(password) && user.GlobalAdmin && user.Enabled, nil
}

// Install is EnsureAdmin.
func (a *Admins) Install(ctx context.Context, c Credential) (changed bool, err error) {
	return EnsureAdmin(ctx, a.api, c)
}
