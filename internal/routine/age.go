package routine

import (
	"context"
	"log/slog"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/tenant"
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

// rotation is when a tenant's credential is to be replaced. Known is false where Vault holds none.
type rotation struct {
	due   time.Time
	known bool
}

// read reads from Vault how old a tenant's credential is. What does not say when it was rotated was so when it was made, or
// else when Vault wrote it down.
func read(ctx context.Context, secrets Secrets, t tenant.Tenant) (rotation, error) {
	found, err := secrets.ReadSecret(ctx, "smtp/", t.ID+"/admin", 0)
	if err != nil || found == nil || found.Gone {
		return rotation{}, err
	}
	since := found.CreatedTime
	for _, field := range []string{"last_rotated", "created_at"} {
		text, _ := found.Data[field].(string)
		if at, err := time.Parse(time.RFC3339, text); err == nil {
			since = at
			break
		}
	}
	text, _ := found.Data["rotation_policy"].(string)
	last, ok := lifetime(text)
	if !ok {
		slog.WarnContext(ctx, "a rotation_policy that is not of the form 180d: 180 days are taken", "tenant_id", t.ID)
	}
	return rotation{due(since, last, t.ID), true}, nil
}
