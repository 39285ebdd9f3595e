// ReportFailure looks at an execution that has ended, and says whether it told anybody and what it left behind.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/backstop"
	"github.com/penguinmails/disaster-recovery/internal/start"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

type environment struct{ Tenants tenant.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[backstop.ReportInput, backstop.Report], error) {
	executions := sfn.NewFromConfig(cfg)
	return start.Guard(executions, backstop.Reporter{Executions: executions, Tenants: tenant.Open(cfg, e.Tenants)}.Report), nil
}

func main() { task.Start(wire) }
