// StageCredentials puts a tenant's new credential beside the current one.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/credential"
	"github.com/penguinmails/disaster-recovery/internal/hold"
	"github.com/penguinmails/disaster-recovery/internal/start"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

type environment struct {
	Vault    vault.Config
	Tenants  tenant.Config
	Provider vps.Config
	Restores hold.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[credential.StageInput, credential.Staged], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	executions, account := sfn.NewFromConfig(cfg), vps.Account{Secrets: secretsmanager.NewFromConfig(cfg), Config: e.Provider}
	return start.Guard(executions, credential.Stager{
		Registry: tenant.Open(cfg, e.Tenants), Restores: hold.Open(cfg, e.Restores),
		Servers: credential.Servers{Power: account, Executions: tenant.StepFunctions{Client: executions}},
		Login:   credential.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "stage-credentials"}),
	}.Stage), nil
}

func main() { task.Start(wire) }
