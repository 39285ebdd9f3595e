// InventorySecrets lists every secret that Vault holds, with its version and fingerprint, and seals the list into the slot.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/backup"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct {
	Archive    archive.Config
	BreakGlass archive.BreakGlass
	Vault      vault.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[backup.InventoryInput, backup.Inventory], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	store, err := archive.Open(cfg, e.Archive, time.Now).SealFor(e.BreakGlass)
	if err != nil {
		return nil, err
	}
	return backup.Capturer{
		Cluster:  cluster,
		Identity: vault.Identity{AWS: cfg, Role: "inventory-secrets"},
		Archive:  store,
		Now:      time.Now,
	}.Inventory, nil
}

func main() { task.Start(wire) }
