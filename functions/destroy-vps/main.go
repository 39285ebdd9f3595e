// DestroyVps deletes the server that a failed recovery has built.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

type environment struct{ Provider vps.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[vps.DestroyInput, vps.Destroyed], error) {
	return vps.Destroyer{Project: vps.Account{Secrets: secretsmanager.NewFromConfig(cfg), Config: e.Provider}}.Destroy, nil
}

func main() { task.Start(wire) }
