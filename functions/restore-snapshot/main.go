// RestoreSnapshot feeds a live Vault the snapshot of a backup, and uses up the approval of it. It is never retried.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/approval"
	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/restore"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct {
	Archive   archive.Config
	Approvals approval.Config
	Vault     vault.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[restore.OverInput, restore.Fed], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return restore.Overwriter{
		Cluster: cluster, Identity: vault.Identity{AWS: cfg, Role: "restore-snapshot"},
		Archive:   archive.Open(cfg, e.Archive, time.Now),
		Approvals: approval.Open(cfg, e.Approvals), Now: time.Now,
	}.Restore, nil
}

func main() { task.Start(wire) }
