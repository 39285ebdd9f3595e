// PlanBackup is the first step of vault-backup: it validates the request and names the slot.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/backup"
	"github.com/penguinmails/disaster-recovery/internal/start"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

type environment struct{ Archive archive.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[backup.PlanInput, backup.Plan], error) {
	planner := backup.Planner{Manifests: archive.Open(cfg, e.Archive, time.Now), Now: time.Now}
	return start.Guard(sfn.NewFromConfig(cfg), planner.Plan), nil
}

func main() { task.Start(wire) }
