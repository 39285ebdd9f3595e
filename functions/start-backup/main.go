// StartBackup has Vault backed up after a credential was changed.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/backup"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

type environment struct {
	// Machine is the ARN of vault-backup.
	Machine string `env:"BACKUP_MACHINE_ARN,required"`
	Tenants tenant.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[backup.ChangeInput, backup.OnChange], error) {
	return backup.Starter{
		Machine: launch.Machine{Client: sfn.NewFromConfig(cfg), ARN: e.Machine}, Changes: tenant.Open(cfg, e.Tenants), Now: time.Now,
	}.Start, nil
}

func main() { task.Start(wire) }
