// RevokeAccess ends what outlives a password on a tenant's server, and looks at what its owner can have left behind.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct{ Vault vault.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[mailu.RevokeInput, mailu.Revoked], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return mailu.Revoker{Login: mailu.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "revoke-access"})}.Revoke, nil
}

func main() { task.Start(wire) }
