// Package vault speaks to the HashiCorp Vault that this system protects: it finds the leader, logs in with the
// function's own IAM role, streams raft snapshots out and in, and reads what the runbooks need. Facts about Vault's
// behaviour that the code relies on stand where they are used.
package vault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Config is where Vault is and how to trust it.
type Config struct {
	// Nodes are the addresses of every node, "https://host:port", comma-separated in the environment. Never a load
	// balancer: unsealing and snapshots concern one node each.
	Nodes []string `env:"VAULT_NODES,required"`
	// CACertificate is the base64 of the PEM of the authority that signed the nodes' certificates; empty means the
	// system's own authorities.
	CACertificate string `env:"VAULT_CACERT_BASE64"`
	// ServerID is the value that Vault's aws auth method expects in the signed X-Vault-AWS-IAM-Server-ID header, so
	// that a login signed for one Vault cannot be replayed against another.
	ServerID string `env:"VAULT_SERVER_ID,required"`
}

// Cluster is every node of one Vault, known by address.
type Cluster struct {
	nodes    []*Node
	serverID string
}

// Node is one Vault server, spoken to at its own address and without a token.
type Node struct {
	Address string
	api     *api.Client
	// probe asks for health: no retries and little patience, for a dead host must not eat the time of the nodes after it.
	probe *api.Client
	// raw carries the two snapshot streams: no retries, no time limit of its own, and no redirects, because a standby
	// answers 307 and vault/api's own restore can then report success for a restore that failed.
	raw *http.Client
}

// Open prepares the cluster's nodes; it makes no call.
func Open(c Config) (*Cluster, error) {
	roots, err := authorities(c.CACertificate)
	if err != nil {
		return nil, err
	}
	cluster := &Cluster{serverID: c.ServerID}
	for _, address := range c.Nodes {
		address = strings.TrimSuffix(strings.TrimSpace(address), "/")
		if !strings.HasPrefix(address, "https://") {
			return nil, fault.InvalidConfiguration.Tellf("Vault node %q is not an https:// address", address)
		}
		node, err := newNode(address, roots)
		if err != nil {
			return nil, err
		}
		cluster.nodes = append(cluster.nodes, node)
	}
	if len(cluster.nodes) == 0 {
		return nil, fault.InvalidConfiguration.Tellf("no Vault node is configured")
	}
	return cluster, nil
}

func newNode(address string, roots *x509.CertPool) (*Node, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	transport.MaxIdleConnsPerHost = 32 // inventory and verification read with many workers at once
	patient, err := client(address, transport, 30*time.Second, 2)
	if err != nil {
		return nil, err
	}
	probe, err := client(address, transport, 5*time.Second, 0)
	if err != nil {
		return nil, err
	}
	raw := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Node{Address: address, api: patient, probe: probe, raw: raw}, nil
}

func client(address string, transport http.RoundTripper, timeout time.Duration, retries int) (*api.Client, error) {
	c, err := api.NewClient(&api.Config{
		Address:      address,
		HttpClient:   &http.Client{Transport: transport},
		Timeout:      timeout,
		MaxRetries:   retries,
		MinRetryWait: 200 * time.Millisecond,
		MaxRetryWait: 2 * time.Second,
		// A standby would answer for the leader by redirect; every call here means the node it names.
		DisableRedirects: true,
	})
	if err != nil {
		return nil, fault.InvalidConfiguration.Errorf("vault client for %s: %w", address, err)
	}
	return c, nil
}

func authorities(encoded string) (*x509.CertPool, error) {
	if encoded == "" {
		return nil, nil
	}
	pem, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fault.InvalidConfiguration.Tellf("VAULT_CACERT_BASE64 is not base64")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fault.InvalidConfiguration.Tellf("VAULT_CACERT_BASE64 holds no PEM certificate")
	}
	return pool, nil
}

// Nodes lists the configured nodes.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Leader finds the active node by asking each for its health. Vault's load-balancer answer is not used on purpose: only
// the node that itself says "active" can give or take a snapshot.
func (c *Cluster) Leader(ctx context.Context) (*Node, Health, error) {
	var states []State
	for _, n := range c.nodes {
		health := n.Health(ctx)
		if health.State == Active {
			return n, health, nil
		}
		states = append(states, health.State)
	}
	return nil, Health{}, noLeader(states)
}

// noLeader names why nobody leads, from the best news to the worst.
func noLeader(states []State) error {
	for _, c := range []struct {
		state State
		name  fault.Name
	}{{Standby, fault.NoLeader}, {Sealed, fault.VaultSealed}, {Uninitialized, fault.VaultUninitialized}} {
		for _, s := range states {
			if s == c.state {
				return c.name.Tellf("nodes: %s", join(states))
			}
		}
	}
	return fault.VaultUnreachable.Tellf("nodes: %s", join(states))
}

func join(states []State) string {
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

// named turns an error of a Vault call into a fault. Vault's error texts stay in the log.
func named(err error, doing string) error {
	if err == nil {
		return nil
	}
	var answer *api.ResponseError
	if !errors.As(err, &answer) {
		return fault.VaultUnreachable.Errorf("%s: %w", doing, err)
	}
	switch {
	case answer.StatusCode == http.StatusServiceUnavailable && strings.Contains(err.Error(), "sealed"):
		return fault.VaultSealed.Errorf("%s: %w", doing, err)
	case answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= 500:
		return fault.VaultUnreachable.Errorf("%s: %w", doing, err)
	default:
		return fault.VaultRefused.Errorf("%s: %w", doing, err)
	}
}
