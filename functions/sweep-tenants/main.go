// SweepTenants starts what is down and has no execution that runs, has looked at again whose credential is in doubt, has Vault
// backed up where a change may be in no backup, and keeps the alarms in step with the registry. It is no step of a runbook: a
// rule invokes it every five minutes.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/backup"
	"github.com/penguinmails/disaster-recovery/internal/hold"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/watch"
)

type environment struct {
	Starter watch.StarterConfig
	Alarms  watch.AlarmConfig
	Settler watch.SettlerConfig
	Backup  string `env:"BACKUP_MACHINE_ARN,required"` // ARN of vault-backup
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[watch.SweepInput, watch.Swept], error) {
	sweeper := watch.OpenSweeper(cfg, e.Starter, e.Alarms, e.Settler)
	sweeper.Backups = backup.CatchUp{
		Machine: launch.Machine{Client: sfn.NewFromConfig(cfg), ARN: e.Backup},
		Changes: tenant.Open(cfg, e.Starter.Tenants), Restores: hold.Open(cfg, e.Starter.Restores),
	}
	return sweeper.Sweep, nil
}

func main() { task.Start(wire) }
