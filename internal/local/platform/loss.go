package platform

import (
	"context"

	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
)

// LoseVault is the disaster: the host dies at once and its disk is gone.
func (p *Platform) LoseVault() error {
	if err := p.Vault.Kill(); err != nil {
		return err
	}
	return p.Vault.Wipe()
}

// StartVault starts a node at the same address with whatever its disk holds: after a loss, an empty one.
func (p *Platform) StartVault(ctx context.Context) error {
	node, err := vaultserver.Start(ctx, p.Vault.Options())
	if err != nil {
		return err
	}
	p.Vault = node
	return nil
}

// VaultState is what the node says of itself, in a word.
func (p *Platform) VaultState(ctx context.Context) string {
	if !p.Vault.Running() {
		return "down"
	}
	client, err := p.Vault.Client()
	if err != nil {
		return err.Error()
	}
	health, err := client.Sys().HealthWithContext(ctx)
	switch {
	case err != nil:
		return "unreachable"
	case !health.Initialized:
		return "empty"
	case health.Sealed:
		return "sealed"
	}
	return "active"
}
