// SweepTenants starts what is down and has no execution that runs, and keeps the alarms in step with the registry. It is no
// step of a runbook: a rule invokes it every five minutes.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/watch"
)

type environment struct {
	Starter watch.StarterConfig
	Alarms  watch.AlarmConfig
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[watch.SweepInput, watch.Swept], error) {
	return watch.Sweeper{
		Tenants:    tenant.List{Database: dynamodb.NewFromConfig(cfg), Table: e.Starter.Tenants.Table},
		Alarms:     watch.OpenAlarms(cfg, e.Alarms),
		Starter:    watch.OpenStarter(cfg, e.Starter),
		Executions: tenant.StepFunctions{Client: sfn.NewFromConfig(cfg)},
		Metrics:    cloudwatch.NewFromConfig(cfg),
	}.Sweep, nil
}

func main() { task.Start(wire) }
