// StartRotations starts credential-rotation for every tenant whose credential in Vault is stale.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/reconcile"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

type environment struct {
	// Machine is the ARN of credential-rotation.
	Machine string `env:"ROTATION_MACHINE_ARN,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[reconcile.StartInput, reconcile.Rotations], error) {
	return reconcile.Starter{Machine: launch.Machine{Client: sfn.NewFromConfig(cfg), ARN: e.Machine}}.Start, nil
}

func main() { task.Start(wire) }
