// ProbeVps knocks at the ports of the tenant's server that mail clients need.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/mailprobe"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

type environment struct{}

func wire(context.Context, aws.Config, environment) (task.Handler[mailprobe.ProbeInput, mailprobe.Probed], error) {
	return mailprobe.Prober{Now: time.Now}.Probe, nil
}

func main() { task.Start(wire) }
