// FenceVps cuts the old server's power.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

type environment struct {
	Tenants  tenant.Config
	Provider vps.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[vps.FenceInput, vps.Fenced], error) {
	return vps.Fencer{Project: vps.Account{Secrets: secretsmanager.NewFromConfig(cfg), Config: e.Provider}, Lease: tenant.Open(cfg, e.Tenants)}.Fence, nil
}

func main() { task.Start(wire) }
