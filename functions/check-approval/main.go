// CheckApproval counts what a restore over a live Vault would undo, and looks for the approval of it.
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
	Function  string `env:"APPROVE_FUNCTION,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[restore.ConsentInput, restore.Consent], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return restore.Asker{
		Cluster: cluster, Identity: vault.Identity{AWS: cfg, Role: "check-approval"},
		Archive:   archive.Open(cfg, e.Archive, time.Now),
		Approvals: approval.Open(cfg, e.Approvals), Function: e.Function, Now: time.Now,
	}.Check, nil
}

func main() { task.Start(wire) }
