// CommitCredentials makes the new credential the tenant's, in Vault, in the registry and on the server.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/credential"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

type environment struct {
	Vault    vault.Config
	Tenants  tenant.Config
	Provider vps.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[credential.CommitInput, credential.Committed], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	account := vps.Account{Secrets: secretsmanager.NewFromConfig(cfg), Config: e.Provider}
	return credential.Committer{
		Registry: tenant.Open(cfg, e.Tenants),
		Servers:  credential.Servers{Power: account, Executions: tenant.StepFunctions{Client: sfn.NewFromConfig(cfg)}},
		Login:    credential.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "commit-credentials"}),
		Open:     credential.OpenMailu,
	}.Commit, nil
}

func main() { task.Start(wire) }
