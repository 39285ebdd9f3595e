// ApproveRestore records that a second person approves of a restore over a live Vault. It is no step of a runbook: whoever has
// the policy DrApprover calls it.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

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
	Herald    restore.HeraldConfig
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[restore.Proposal, approval.Approval], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return restore.Approver{
		Selector: restore.Selector{Archive: archive.Open(cfg, e.Archive, time.Now)}, Cluster: cluster,
		Giver: approval.Open(cfg, e.Approvals), Herald: e.Herald.With(lambda.NewFromConfig(cfg)), Now: time.Now,
	}.Approve, nil
}

func main() { task.Start(wire) }
