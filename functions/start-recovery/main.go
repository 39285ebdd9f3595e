// StartRecovery starts vps-recovery for a server whose alarm rings. It is no step of a runbook: the alarms' topic invokes it.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/penguinmails/disaster-recovery/internal/notice"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/watch"
)

type environment struct {
	Starter watch.StarterConfig
	Topic   string `env:"TOPIC_ARN,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[watch.Delivery, watch.Response], error) {
	return watch.Responder{
		Starter:   watch.OpenStarter(cfg, e.Starter),
		Operators: notice.Watch{SNS: sns.NewFromConfig(cfg), Topic: e.Topic, RecoveryMachine: e.Starter.Machine},
	}.Respond, nil
}

func main() { task.Start(wire) }
