// CheckVps asks what has become of a server.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

type environment struct {
	Provider vps.Config
	Vault    vault.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[vps.CheckInput, vps.Checked], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return vps.Checker{
		Project: vps.Account{Secrets: secretsmanager.NewFromConfig(cfg), Config: e.Provider},
		Door:    mailu.Starter{Login: mailu.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "check-vps"})},
	}.Check, nil
}

func main() { task.Start(wire) }
