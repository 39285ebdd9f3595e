package reconcile

import (
	"context"

	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// Secrets reads Vault; *vault.Session fits.
type Secrets interface {
	ReadSecret(ctx context.Context, mount, path string, version int) (*vault.Secret, error)
}

// Login opens Vault for one step; the returned function gives the login back.
type Login func(context.Context) (Secrets, func(), error)

// LoginTo logs in to a cluster with the role of the step.
func LoginTo(cluster *vault.Cluster, identity vault.Identity) Login {
	return func(ctx context.Context) (Secrets, func(), error) {
		session, err := cluster.Login(ctx, identity)
		if err != nil {
			return nil, nil, err
		}
		return session, func() { session.Logout(context.WithoutCancel(ctx)) }, nil
	}
}
