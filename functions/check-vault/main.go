// CheckVault asks every Vault node for its state.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/restore"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct{ Vault vault.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[restore.CheckInput, restore.Vault], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return restore.Checker{Cluster: cluster, Identity: vault.Identity{AWS: cfg, Role: "check-vault"}}.Check, nil
}

func main() { task.Start(wire) }
