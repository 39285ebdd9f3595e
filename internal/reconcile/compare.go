package reconcile

import (
	"context"
	"log/slog"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// Mailbox is the tenant's administrator as its Mailu has it.
type Mailbox interface {
	// Has compares with the hash: that counts against no rate limit.
	Has(ctx context.Context, username string, password secret.String) (bool, error)
}

// Open opens the Mailu of a server with the keys that Vault holds for the tenant.
type Open func(ctx context.Context, keys mailu.Secrets, tenantID string, at mailu.Server) (Mailbox, func(), error)

// OpenMailu is Open through SSH.
func OpenMailu(ctx context.Context, keys mailu.Secrets, tenantID string, at mailu.Server) (Mailbox, func(), error) {
	admins, closed, err := mailu.OpenAdmins(ctx, keys, tenantID, at, "")
	if err != nil {
		return nil, nil, err
	}
	return admins, closed, nil
}

// standing is how Vault's credential of a tenant stands to the registry and to the server.
type standing int

const (
	agreed  standing = iota // the registry names it, and its password opens the mailbox
	stale                   // the registry names another one, or the server holds another password
	missing                 // Vault holds none that could be used
	unseen                  // the registry names it, and the server does not say what it holds
)

// compare holds Vault against the registry, and then against the server for as long as the time for servers lasts.
func (f Finder) compare(ctx, servers context.Context, keys mailu.Secrets, t tenant.Tenant) (standing, error) {
	current, err := mailu.ReadCredential(ctx, keys, t.ID, t.CredentialID)
	switch {
	case fault.Is(err, fault.CredentialStale):
		return stale, nil
	case fault.Is(err, fault.CredentialMissing):
		return missing, nil
	case err != nil:
		return unseen, err
	}
	one, cancel := context.WithTimeout(servers, f.Patience.One)
	defer cancel()
	has, err := f.has(one, keys, t, current)
	switch {
	case err != nil && one.Err() == nil && aboutVault(err):
		return unseen, err
	case err != nil:
		slog.WarnContext(ctx, "the server does not say which password it holds", "tenant_id", t.ID, "error", err.Error())
		return unseen, nil
	case has:
		return agreed, nil
	}
	return stale, nil
}

func (f Finder) has(ctx context.Context, keys mailu.Secrets, t tenant.Tenant, current mailu.Credential) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	box, closed, err := f.Open(ctx, keys, t.ID, mailu.Server{Address: t.VPS.IP.String(), HostKey: t.HostKey})
	if err != nil {
		return false, err
	}
	defer closed()
	return box.Has(ctx, current.Username, current.Password)
}

// aboutVault reports whether the error concerns everybody, and not this one server.
func aboutVault(err error) bool {
	for _, name := range []fault.Name{fault.VaultUnreachable, fault.VaultRefused, fault.VaultSealed, fault.VaultUninitialized} {
		if fault.Is(err, name) {
			return true
		}
	}
	return false
}

// Patience bounds the looks at servers: one, and all of them together. Mailu's hashes are made to be slow to compare, and a
// whole region may be silent. Whoever is not looked at in time counts as not seen.
type Patience struct{ One, All time.Duration }
