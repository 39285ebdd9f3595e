// TestCredentials proves that the new password is the one that opens the mailbox, and the former one is none.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/credential"
	"github.com/penguinmails/disaster-recovery/internal/mailprobe"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct {
	Vault   vault.Config
	Tenants tenant.Config
	// CACertificate is as in mailprobe.Config.
	CACertificate string `env:"MAIL_CACERT_BASE64"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[credential.TestInput, credential.Tested], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	network, err := mailprobe.Config{CACertificate: e.CACertificate}.Network()
	if err != nil {
		return nil, err
	}
	login := credential.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "test-credentials"})
	return credential.Tester{
		Registry: tenant.Open(cfg, e.Tenants), Login: login, Open: credential.OpenMailu, Client: network, Now: time.Now,
	}.Test, nil
}

func main() { task.Start(wire) }
