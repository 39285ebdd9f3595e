package credential

import (
	"context"

	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// Vault is one login to Vault; *vault.Session is one. A step is let do what its policy says.
type Vault interface {
	mailu.Secrets
	Sealer
	Writer
	Notes
}

// Sealer encrypts passwords.
type Sealer interface {
	Encrypt(ctx context.Context, password secret.String, tenantID, credentialID string) (vault.Ciphertext, error)
}

// Writer changes secrets.
type Writer interface {
	// WriteSecret writes the version after cas; ok is false where the secret is at another one.
	WriteSecret(ctx context.Context, mount, path string, cas int, data map[string]any) (version int, ok bool, err error)
	// DestroyVersions destroys every version up to this one, and counts those that were still there.
	DestroyVersions(ctx context.Context, mount, path string, last int) (destroyed int, err error)
}

// Notes are a secret's custom metadata, which outlive its versions.
type Notes interface {
	Annotations(ctx context.Context, mount, path string) (map[string]string, error)
	// Annotate adds keys, and removes those with an empty value.
	Annotate(ctx context.Context, mount, path string, notes map[string]string) error
}

// Login opens Vault for one step; the returned function gives the login back.
type Login func(context.Context) (Vault, func(), error)

// LoginTo logs in to a cluster with the role of the step.
func LoginTo(cluster *vault.Cluster, identity vault.Identity) Login {
	return func(ctx context.Context) (Vault, func(), error) {
		session, err := cluster.Login(ctx, identity)
		if err != nil {
			return nil, nil, err
		}
		return session, func() { session.Logout(context.WithoutCancel(ctx)) }, nil
	}
}
