// ClaimIncident is the first step of credential-compromise: it validates the request, claims the incident and redacts it.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/start"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct {
	Vault   vault.Config
	Tenants tenant.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[tenant.ClaimInput, tenant.Claimed], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	executions := sfn.NewFromConfig(cfg)
	claimant := tenant.Claimant{
		Registry: tenant.Open(cfg, e.Tenants), Responses: tenant.StepFunctions{Client: executions},
		Redactor: mailu.Redactor{Login: mailu.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "claim-incident"})}, Now: time.Now,
	}
	return start.Guard(executions, claimant.Claim), nil
}

func main() { task.Start(wire) }
