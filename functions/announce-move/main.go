// AnnounceMove writes into the registry where the tenant's records are about to point.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

type environment struct{ Tenants tenant.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[tenant.Move, tenant.Announced], error) {
	return tenant.Open(cfg, e.Tenants).Announce, nil
}

func main() { task.Start(wire) }
