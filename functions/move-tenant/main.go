// MoveTenant records the tenant's new server in the registry.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

type environment struct{ Tenants tenant.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[tenant.MoveInput, tenant.Recovered], error) {
	return tenant.Mover{Registry: tenant.Open(cfg, e.Tenants), Now: time.Now}.Move, nil
}

func main() { task.Start(wire) }
