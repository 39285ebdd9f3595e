// PromoteBackup writes the first verified backup of a month anew into the monthly slot.
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

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[backup.PromoteInput, backup.Promoted], error) {
	return backup.Promoter{Archive: archive.Open(cfg, e.Archive, time.Now)}.Promote, nil
}

func main() { task.Start(wire) }
