// SweepTenants starts what is down and has no execution that runs, has looked at again whose credential is in doubt, and keeps
// the alarms in step with the registry. It is no step of a runbook: a rule invokes it every five minutes.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/watch"
)

type environment struct {
	Starter watch.StarterConfig
	Alarms  watch.AlarmConfig
	Settler watch.SettlerConfig
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[watch.SweepInput, watch.Swept], error) {
	return watch.OpenSweeper(cfg, e.Starter, e.Alarms, e.Settler).Sweep, nil
}

func main() { task.Start(wire) }
