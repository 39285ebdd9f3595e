package mailu

import (
	"context"

	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Admins are the administrators of one Mailu, open for a while.
type Admins struct{ ways *ways }

// OpenAdmins opens a server and the Mailu on it with the keys that Vault holds for the tenant; the returned function closes
// it again. The way that is known to be open is the first one tried.
func OpenAdmins(ctx context.Context, s Secrets, tenantID string, at Server, known Through) (*Admins, func(), error) {
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
	return &Admins{waysTo(session, token, known)}, func() { _ = session.Close() }, nil
}

// Through is the way that was taken last, or will be tried first.
func (a *Admins) Through() Through { return a.ways.through }

// Has reports whether the password is the one of an administrator that can use it. It asks for no login.
func (a *Admins) Has(ctx context.Context, username string, password secret.String) (has bool, err error) {
	err = a.ways.try(ctx, func(api *Client) error {
		user, err := api.User(ctx, username)
		has = err == nil && user != nil && user.Has(password) && user.GlobalAdmin && user.Enabled
		return err
	}, func(own command) error {
		has, err = own.has(ctx, username, password)
		return err
	})
	return has, err
}

// Install is EnsureAdmin, by either way.
func (a *Admins) Install(ctx context.Context, c Credential) (changed bool, err error) {
	err = a.ways.try(ctx, func(api *Client) error {
		changed, err = EnsureAdmin(ctx, api, c)
		return err
	}, func(own command) error {
		changed, err = own.install(ctx, c)
		return err
	})
	return changed, err
}
