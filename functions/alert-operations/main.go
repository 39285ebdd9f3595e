// AlertOperations tells the operators what a runbook did.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/penguinmails/disaster-recovery/internal/notice"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

type environment struct {
	Topic           string `env:"TOPIC_ARN,required"`
	RestoreMachine  string `env:"RESTORE_MACHINE_ARN,required"`
	RecoveryMachine string `env:"RECOVERY_MACHINE_ARN,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[notice.Request, notice.Receipt], error) {
	desk := &notice.Desk{
		SNS: sns.NewFromConfig(cfg), Topic: e.Topic, RestoreMachine: e.RestoreMachine, RecoveryMachine: e.RecoveryMachine,
	}
	return desk.Alert, nil
}

func main() { task.Start(wire) }
