// ProbeVps knocks at the ports of the tenant's server that mail clients need, and asks the provider about one that is not
// well.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/penguinmails/disaster-recovery/internal/mailprobe"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

type environment struct {
	Provider vps.Config
	// RebootChecks is how many probes a rebooted server has to come back.
	RebootChecks int `env:"REBOOT_CHECKS,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[mailprobe.ProbeInput, mailprobe.Probed], error) {
	account := vps.Account{Secrets: secretsmanager.NewFromConfig(cfg), Config: e.Provider}
	return mailprobe.Prober{Power: account, RebootChecks: e.RebootChecks, Now: time.Now}.Probe, nil
}

func main() { task.Start(wire) }
