// SetCredentials makes the administrator's password on the server the one that Vault holds.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct{ Vault vault.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[mailu.SetInput, mailu.Credentials], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return mailu.Setter{Login: mailu.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "set-credentials"})}.Set, nil
}

func main() { task.Start(wire) }
