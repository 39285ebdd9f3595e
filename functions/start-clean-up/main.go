// StartCleanUp starts vps-recovery in the mode clean-up for a tenant whose last recovery ended without its last steps.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/backstop"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

type environment struct {
	Tenants tenant.Config
	// Machine is the ARN of vps-recovery.
	Machine string `env:"RECOVERY_MACHINE_ARN,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[backstop.CleanUpInput, backstop.CleaningUp], error) {
	budget := tenant.Budget{Registry: tenant.Open(cfg, e.Tenants), Ledger: dynamodb.NewFromConfig(cfg)}
	return backstop.Cleaner{Automation: budget, Machine: launch.Machine{Client: sfn.NewFromConfig(cfg), ARN: e.Machine}}.Start, nil
}

func main() { task.Start(wire) }
