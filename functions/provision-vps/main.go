// ProvisionVps orders the tenant's new server.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

type environment struct {
	Tenants  tenant.Config
	Provider vps.Config
	Vault    vault.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[vps.ProvisionInput, vps.Provisioned], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return vps.Provisioner{
		Project: vps.Account{Secrets: secretsmanager.NewFromConfig(cfg), Config: e.Provider},
		Lease:   tenant.Open(cfg, e.Tenants),
		Boots:   mailu.Starter{Login: mailu.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "provision-vps"})},
	}.Provision, nil
}

func main() { task.Start(wire) }
