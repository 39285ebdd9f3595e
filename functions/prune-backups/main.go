// PruneBackups deletes the backups that are over.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/backup"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

type environment struct{ Archive archive.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[backup.PruneInput, backup.Pruned], error) {
	return backup.Pruner{Archive: archive.Open(cfg, e.Archive, time.Now)}.Prune, nil
}

func main() { task.Start(wire) }
