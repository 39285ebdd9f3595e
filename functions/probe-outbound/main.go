// ProbeOutbound tries whether the new server can send mail out.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct {
	Vault     vault.Config
	Exchanger string `env:"OUTBOUND_PROBE,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[mailu.OutboundInput, mailu.Outbound], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	prober, err := mailu.NewProber(mailu.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "probe-outbound"}), e.Exchanger)
	return prober.Probe, err
}

func main() { task.Start(wire) }
