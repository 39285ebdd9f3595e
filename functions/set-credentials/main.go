// SetCredentials makes the administrator's password on the server the one that Vault holds, the current or the pending one.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/credential"
	"github.com/penguinmails/disaster-recovery/internal/hold"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct {
	Vault    vault.Config
	Tenants  tenant.Config
	Restores hold.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[mailu.SetInput, mailu.Credentials], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	identity := vault.Identity{AWS: cfg, Role: "set-credentials"}
	return credential.Setter{
		Current:  mailu.Setter{Login: mailu.LoginTo(cluster, identity)}.Set,
		Registry: tenant.Open(cfg, e.Tenants),
		Restores: hold.Open(cfg, e.Restores),
		Login:    credential.LoginTo(cluster, identity),
		Open:     credential.OpenMailu,
	}.Set, nil
}

func main() { task.Start(wire) }
