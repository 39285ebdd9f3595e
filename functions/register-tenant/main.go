// RegisterTenant creates or updates a tenant in the registry. It is no step of a runbook: operators and onboarding call it.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/dns"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/watch"
)

type environment struct {
	Tenants tenant.Config
	Alarms  watch.AlarmConfig
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[tenant.Registration, tenant.Registered], error) {
	return tenant.Registrar{
		Registry:   tenant.Open(cfg, e.Tenants),
		Executions: tenant.StepFunctions{Client: sfn.NewFromConfig(cfg)},
		Zone:       dns.Zone{RecordSets: route53.NewFromConfig(cfg)},
		Alarms:     watch.OpenAlarms(cfg, e.Alarms),
	}.Register, nil
}

func main() { task.Start(wire) }
