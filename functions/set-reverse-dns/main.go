// SetReverseDns makes the tenant's host name the PTR record of the new server's addresses.
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

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[vps.ReverseInput, vps.Reversed], error) {
	return vps.Reverser{Project: vps.Account{Secrets: secretsmanager.NewFromConfig(cfg), Config: e.Provider}, Lease: tenant.Open(cfg, e.Tenants)}.Reverse, nil
}

func main() { task.Start(wire) }
