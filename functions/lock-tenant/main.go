// LockTenant is the first step of vps-recovery: it validates the request and takes the tenant's lease.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/hold"
	"github.com/penguinmails/disaster-recovery/internal/start"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

type environment struct {
	Tenants  tenant.Config
	Restores hold.Config
	// Lifetime is the TimeoutSeconds of the state machine.
	Lifetime time.Duration `env:"EXECUTION_LIFETIME,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[tenant.LockInput, tenant.Locked], error) {
	executions := sfn.NewFromConfig(cfg)
	locker := tenant.Locker{
		Registry: tenant.Open(cfg, e.Tenants), Executions: tenant.StepFunctions{Client: executions}, Restores: hold.Open(cfg, e.Restores),
		Now: time.Now, Lifetime: e.Lifetime,
	}
	return start.Guard(executions, locker.Lock), nil
}

func main() { task.Start(wire) }
