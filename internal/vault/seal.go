package vault

import (
	"context"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Seal is how a Vault locks itself. A snapshot only opens on a node whose seal is the same, shares and threshold
// included: with others the node keeps the wrong numbers in memory and every share fails until it is restarted.
type Seal struct {
	// Type is "shamir", or the name of an auto-unseal mechanism ("awskms", …).
	Type string `json:"type"`
	// Shares and Threshold count the key shares, or the recovery shares where an auto-unseal mechanism holds the key.
	Shares    int `json:"shares"`
	Threshold int `json:"threshold"`
}

// shamir is the seal that people open with shares.
const shamir = "shamir"

// Shamir reports whether people unseal this Vault with key shares.
func (s Seal) Shamir() bool { return s.Type == shamir }

// Seal asks a node for its seal; a sealed or empty node answers as well.
func (n *Node) Seal(ctx context.Context) (Seal, error) {
	status, err := n.api.Sys().SealStatusWithContext(ctx)
	if err != nil {
		return Seal{}, named(err, "read the seal status")
	}
	return Seal{Type: status.Type, Shares: status.N, Threshold: status.T}, nil
}

// Keys are what initialising a node makes. They live in memory, for minutes, and are of no use after the restore.
type Keys struct {
	Shares    []secret.String
	RootToken secret.String
}

// Initialize makes an empty node a Vault with the given seal.
func (n *Node) Initialize(ctx context.Context, seal Seal) (Keys, error) {
	request := &api.InitRequest{SecretShares: seal.Shares, SecretThreshold: seal.Threshold}
	if !seal.Shamir() { // auto-unseal refuses secret_shares
		request = &api.InitRequest{RecoveryShares: seal.Shares, RecoveryThreshold: seal.Threshold}
	}
	answer, err := n.api.Sys().InitWithContext(ctx, request)
	if err != nil {
		return Keys{}, named(err, "initialise the node")
	}
	keys := Keys{RootToken: secret.New(answer.RootToken)}
	for _, share := range answer.Keys {
		keys.Shares = append(keys.Shares, secret.New(share))
	}
	return keys, nil
}

// Unseal hands shares to one node until it opens. Shares that do not open it are forgotten again by the node, and the
// fault is UnsealSharesWrong.
func (n *Node) Unseal(ctx context.Context, shares []secret.String) error {
	for _, share := range shares {
		status, err := n.api.Sys().UnsealWithContext(ctx, share.Reveal())
		if err != nil {
			n.forgetShares(ctx)
			if f := named(err, "unseal "+n.Address); !fault.Is(f, fault.VaultRefused) {
				return f
			}
			return fault.UnsealSharesWrong.Errorf("unseal %s: %w", n.Address, err)
		}
		if !status.Sealed {
			return nil
		}
	}
	n.forgetShares(ctx)
	return fault.UnsealSharesWrong.Tellf("%d shares did not open %s", len(shares), n.Address)
}

// forgetShares resets a half-given unseal, so that the next attempt starts from nothing.
func (n *Node) forgetShares(ctx context.Context) {
	_, _ = n.api.Sys().ResetUnsealProcessWithContext(ctx)
}

// AsRoot makes a session from the root token of an initialisation.
func (n *Node) AsRoot(keys Keys) (*Session, error) {
	return n.with(keys.RootToken, Health{})
}
