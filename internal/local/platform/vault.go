package platform

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/local/engine"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
	"github.com/penguinmails/disaster-recovery/internal/vault/policies"
)

// The production Vault's seal: three shares, any two of which open it.
const (
	shares    = 3
	threshold = 2
)

// serverID is the template's default of VaultServerId.
const serverID = "vault.penguinmails.example"

// configureVault does what docs/vault.md tells an operator to do, with the same policies and roles.
func (p *Platform) configureVault(ctx context.Context) error {
	client, err := p.Vault.Client()
	if err != nil {
		return err
	}
	if p.Keys, err = vaultserver.Init(ctx, client, shares, threshold); err != nil {
		return err
	}
	if err := vaultserver.Unseal(ctx, client, p.Keys.Shares); err != nil {
		return err
	}
	if err := vaultserver.WaitActive(ctx, client); err != nil {
		return err
	}
	client.SetToken(p.Keys.RootToken.Reveal())
	for _, step := range []func(context.Context, *api.Client) error{p.mounts, p.logins} {
		if err := step(ctx, client); err != nil {
			return fmt.Errorf("configure Vault: %w", err)
		}
	}
	return nil
}

// Root is a client with Vault's root token: the operator's own, which a snapshot carries along.
func (p *Platform) Root() (*api.Client, error) {
	client, err := p.Vault.Client()
	if err != nil {
		return nil, err
	}
	client.SetToken(p.Keys.RootToken.Reveal())
	return client, nil
}

func (p *Platform) mounts(ctx context.Context, client *api.Client) error {
	for _, path := range []string{"smtp", "vps", "dkim", "dr"} {
		err := client.Sys().MountWithContext(ctx, path, &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}})
		if err != nil {
			return err
		}
	}
	if err := client.Sys().MountWithContext(ctx, "transit", &api.MountInput{Type: "transit"}); err != nil {
		return err
	}
	if _, err := client.Logical().WriteWithContext(ctx, "transit/keys/smtp", map[string]any{
		"type": "aes256-gcm96", "derived": true,
	}); err != nil {
		return err
	}
	return client.Sys().EnableAuditWithOptionsWithContext(ctx, "file", &api.EnableAuditOptions{
		Type: "file", Options: map[string]string{"file_path": filepath.Join(p.dir, "vault", "audit.log")},
	})
}

// logins lets each function in by its own IAM role, with its own policy, both named as the step.
func (p *Platform) logins(ctx context.Context, client *api.Client) error {
	if err := client.Sys().EnableAuthWithOptionsWithContext(ctx, "aws", &api.EnableAuthOptions{Type: "aws"}); err != nil {
		return err
	}
	if _, err := client.Logical().WriteWithContext(ctx, "auth/aws/config/client", map[string]any{
		"sts_endpoint": p.Engine.Endpoint, "sts_region": engine.Region, "iam_endpoint": p.Engine.Endpoint,
		"access_key": "test", "secret_key": "test",
		"iam_server_id_header_value": serverID,
	}); err != nil {
		return err
	}
	return policies.Apply(ctx, client, policies.Account{Partition: "aws", ID: engine.AccountID})
}
