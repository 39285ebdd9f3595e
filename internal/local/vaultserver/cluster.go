package vaultserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Keys are what initialising a cluster yields, once: the key shares, of which the threshold unseals it, and a token
// that may do everything. They print and marshal as [redacted].
type Keys struct {
	Shares    []secret.String
	RootToken secret.String
}

// Client returns an API client for the node that trusts its authority alone. It holds no token and takes nothing from
// VAULT_* variables of the environment, which may belong to another Vault.
func (n *Node) Client() (*api.Client, error) {
	httpClient, err := n.httpClient()
	if err != nil {
		return nil, err
	}
	client, err := api.NewClient(&api.Config{Address: n.URL(), HttpClient: httpClient})
	if err != nil {
		return nil, fmt.Errorf("client for vault node %q: %w", n.options.Name, err)
	}
	client.ClearToken()
	client.ClearNamespace()
	return client, nil
}

func (n *Node) httpClient() (*http.Client, error) {
	ca, err := os.ReadFile(n.options.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("no certificate in %s", n.options.CAFile)
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 16, // Vault is filled with many workers at once
	}}, nil
}

// Init initialises an empty cluster with that many key shares, threshold of which unseal it. Keep both numbers: a
// snapshot can only be restored into a cluster that was initialised with the same ones.
func Init(ctx context.Context, client *api.Client, shares, threshold int) (Keys, error) {
	response, err := client.Sys().InitWithContext(ctx, &api.InitRequest{SecretShares: shares, SecretThreshold: threshold})
	if err != nil {
		return Keys{}, fmt.Errorf("initialise vault: %w", err)
	}
	keys := Keys{RootToken: secret.New(response.RootToken)}
	for _, share := range response.KeysB64 {
		keys.Shares = append(keys.Shares, secret.New(share))
	}
	return keys, nil
}

// Unseal gives a node key shares, one by one, until it is unsealed. A node unseals itself alone: call it for each.
func Unseal(ctx context.Context, client *api.Client, shares []secret.String) error {
	for i, share := range shares {
		status, err := client.Sys().UnsealWithContext(ctx, share.Reveal())
		if err != nil {
			return fmt.Errorf("unseal vault with share %d of %d: %w", i+1, len(shares), err)
		}
		if !status.Sealed {
			return nil
		}
	}
	return fmt.Errorf("unseal vault: still sealed after %d shares", len(shares))
}

// WaitActive waits until the node is unsealed and leads the cluster, or ctx ends.
func WaitActive(ctx context.Context, client *api.Client) error {
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		health, err := client.Sys().HealthWithContext(ctx)
		if err == nil && health.Initialized && !health.Sealed && !health.Standby {
			return nil
		}
		select {
		case <-ctx.Done():
			if err != nil {
				return fmt.Errorf("wait for vault to become active: %w (last: %w)", ctx.Err(), err)
			}
			return fmt.Errorf("wait for vault to become active: %w (initialised: %v, sealed: %v, standby: %v)",
				ctx.Err(), health.Initialized, health.Sealed, health.Standby)
		case <-poll.C:
		}
	}
}
