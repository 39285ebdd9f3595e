// SeedVault makes one empty node the Vault of the snapshot. It is never retried.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/restore"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct {
	Archive archive.Config
	Vault   vault.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[restore.SeedInput, restore.Seeded], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return restore.Seeder{Cluster: cluster, Archive: archive.Open(cfg, e.Archive, time.Now), Now: time.Now}.Seed, nil
}

func main() { task.Start(wire) }
