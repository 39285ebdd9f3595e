// VerifyBackup reads back what this execution wrote, proves it, and signs the manifest that makes it a backup.
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

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[backup.VerifyInput, backup.Verified], error) {
	return backup.Verifier{Archive: archive.Open(cfg, e.Archive, time.Now), Now: time.Now}.Verify, nil
}

func main() { task.Start(wire) }
