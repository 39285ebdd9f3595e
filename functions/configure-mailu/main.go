// ConfigureMailu makes a fresh server the tenant's: everything from Vault, Mailu's files, and its start.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct{ Vault vault.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[mailu.ConfigureInput, mailu.Configured], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return mailu.Configurer{Login: mailu.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "configure-mailu"}), Now: time.Now}.Configure, nil
}

func main() { task.Start(wire) }
