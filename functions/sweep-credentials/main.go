// SweepCredentials tells tenants whose password is to be rotated within a week, and starts the rotations that are due. It is no
// step of a runbook: a rule invokes it every hour, where routine rotation is turned on.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/routine"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct {
	Vault   vault.Config
	Routine routine.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[routine.Input, routine.Swept], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	login := routine.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "sweep-credentials"})
	return routine.Open(cfg, e.Routine, login).Sweep, nil
}

func main() { task.Start(wire) }
