// StartRotations starts credential-rotation for tenants whose credential in Vault is stale, some at a time.
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
	client := sfn.NewFromConfig(cfg)
	return reconcile.Starter{Machine: launch.Machine{Client: client, ARN: e.Machine}, Running: client}.Start, nil
}

func main() { task.Start(wire) }
