// VerifyMailu does on the new server what a mail client does.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/mailprobe"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct {
	Vault vault.Config
	Mail  mailprobe.Config
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[mailprobe.VerifyInput, mailprobe.Verified], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	network, err := e.Mail.Network()
	if err != nil {
		return nil, err
	}
	reader := mailu.Reader{Login: mailu.LoginTo(cluster, vault.Identity{AWS: cfg, Role: "verify-mailu"})}
	credential := func(ctx context.Context, tenantID, credentialID string) (mailprobe.Credential, error) {
		c, err := reader.Credential(ctx, tenantID, credentialID)
		return mailprobe.Credential(c), err
	}
	return mailprobe.Verifier{
		Network: network, Credential: credential, LookupTXT: e.Mail.LookupTXT, Now: time.Now,
	}.Verify, nil
}

func main() { task.Start(wire) }
