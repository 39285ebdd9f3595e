// NotifyTenant tells a tenant what happened to its mail server.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/penguinmails/disaster-recovery/internal/notice"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

type environment struct {
	Topic string `env:"TOPIC_ARN,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[notice.Request, notice.Receipt], error) {
	desk := &notice.Desk{SNS: sns.NewFromConfig(cfg), Topic: e.Topic}
	return desk.Inform, nil
}

func main() { task.Start(wire) }
