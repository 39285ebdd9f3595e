// SelectBackup is the first step of vault-restore: it validates the request and finds the signed backup it asks for.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/hold"
	"github.com/penguinmails/disaster-recovery/internal/restore"
	"github.com/penguinmails/disaster-recovery/internal/start"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

type environment struct {
	Archive  archive.Config
	Restores hold.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[restore.SelectInput, restore.Backup], error) {
	selector := restore.Selector{Archive: archive.Open(cfg, e.Archive, time.Now), Others: hold.Open(cfg, e.Restores)}
	return start.Guard(sfn.NewFromConfig(cfg), selector.Select), nil
}

func main() { task.Start(wire) }
