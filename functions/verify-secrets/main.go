// VerifySecrets holds every secret of the restored Vault against the inventory, and opens every mail password.
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
	Archive    archive.Config
	Vault      vault.Config
	TestTenant string `env:"TEST_TENANT_ID,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[restore.VerifyInput, restore.Proof], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return restore.Prover{
		Cluster:    cluster,
		Identity:   vault.Identity{AWS: cfg, Role: "verify-secrets"},
		Archive:    archive.Open(cfg, e.Archive, time.Now),
		TestTenant: e.TestTenant,
		Now:        time.Now,
	}.Verify, nil
}

func main() { task.Start(wire) }
