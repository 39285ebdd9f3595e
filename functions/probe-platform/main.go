// ProbePlatform knocks at every tenant's server and at Vault, and puts a metric for each. It is no step of a runbook: a rule
// invokes it every minute.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/penguinmails/disaster-recovery/internal/mailprobe"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
	"github.com/penguinmails/disaster-recovery/internal/watch"
)

type environment struct {
	Vault vault.Config
	Table string `env:"TENANTS_TABLE,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[watch.ProbeInput, watch.Platform], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return watch.Prober{
		Tenants: tenant.List{Database: dynamodb.NewFromConfig(cfg), Table: e.Table},
		Servers: mailprobe.Prober{Network: mailprobe.Network{Patience: watch.Patience}, Now: time.Now},
		Vault:   cluster, Metrics: cloudwatch.NewFromConfig(cfg), Now: time.Now,
	}.Probe, nil
}

func main() { task.Start(wire) }
