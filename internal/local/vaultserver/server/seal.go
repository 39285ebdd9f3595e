package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-kms-wrapping/wrappers/transit/v2"
	"github.com/hashicorp/vault/vault"
	"github.com/hashicorp/vault/vault/seal"
)

// newSeal is how the node locks itself; nil leaves it to Vault, whose own is Shamir's.
func newSeal(ctx context.Context, c config, logger hclog.Logger) (vault.Seal, error) {
	if c.Seal.Transit == nil {
		return nil, nil
	}
	wrapper := transit.NewWrapper()
	if _, err := wrapper.SetConfig(ctx); err != nil {
		return nil, fmt.Errorf("transit seal: %w", err)
	}
	access, err := seal.NewAccessFromWrapper(logger, wrapper, "transit")
	if err != nil {
		return nil, fmt.Errorf("transit seal: %w", err)
	}
	return vault.NewAutoSeal(access), nil
}

// openByItself opens a node whose key another system holds, and tries for as long as that one, or an initialisation, is
// missing.
func openByItself(ctx context.Context, core *vault.Core, logger hclog.Logger) {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		err := core.UnsealWithStoredKeys(ctx)
		if err == nil {
			return
		}
		if vault.IsFatalError(err) {
			logger.Error("the node does not open by itself", "error", err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}
