// CheckMailu asks whether Mailu has started.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct{ Vault vault.Config }

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[mailu.CheckInput, mailu.Checked], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return mailu.Checker{Login: mailu.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "check-mailu"})}.Check, nil
}

func main() { task.Start(wire) }
