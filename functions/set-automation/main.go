// SetAutomation stops automatic recoveries or lets them go on, all of them or one tenant's. It is no step of a runbook:
// operators call it.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

type environment struct{ Tenants tenant.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[tenant.Setting, tenant.Setting], error) {
	return tenant.Automation{Budget: tenant.Budget{
		Registry: tenant.Open(cfg, e.Tenants), Ledger: dynamodb.NewFromConfig(cfg), Now: time.Now,
	}}.Set, nil
}

func main() { task.Start(wire) }
