// FindStaleCredentials lists the tenants about whose credential Vault, the registry and the server do not agree.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/reconcile"
	"github.com/penguinmails/disaster-recovery/internal/start"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct {
	Vault   vault.Config
	Tenants tenant.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[reconcile.FindInput, reconcile.Found], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	finder := reconcile.Finder{
		Tenants:  tenant.List{Database: dynamodb.NewFromConfig(cfg), Table: e.Tenants.Table},
		Login:    mailu.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "find-stale-credentials"}),
		Open:     reconcile.OpenMailu,
		Patience: reconcile.Patience{One: 15 * time.Second, All: 4 * time.Minute},
		Notes:    tenant.Open(cfg, e.Tenants),
	}
	return start.Guard(sfn.NewFromConfig(cfg), finder.Find), nil
}

func main() { task.Start(wire) }
