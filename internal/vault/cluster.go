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
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
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
	// http is below both clients, and carries the two snapshot streams by itself: no retries, no time limit of its own,
	// and no redirects. A standby answers 307: whoever follows hands the token to another address, and vault/api's own
	// restore can report success for a restore that failed.
	http *http.Client
	api  *api.Client
	// probe asks for health: no retries and little patience, for a dead host must not eat the time of the nodes after it.
	probe *api.Client
}

// How long a call may take, its retries included, and how many of those there are.
const (
	patience      = 30 * time.Second
	retries       = 2
	probePatience = 5 * time.Second
)

// errRedirected: the node answered for another one. Every call here means the node it names.
var errRedirected = errors.New("the node points to another one")

// Open prepares the cluster's nodes; it makes no call.
func Open(c Config) (*Cluster, error) {
	roots, err := authorities(c.CACertificate)
	if err != nil {
		return nil, err
	}
	cluster := &Cluster{serverID: c.ServerID}
	for _, address := range c.Nodes {
		address = strings.TrimSuffix(strings.TrimSpace(address), "/")
		if u, err := url.Parse(address); err != nil || u.Host == "" || "https://"+u.Host != address {
			return nil, fault.InvalidConfiguration.Tellf("a Vault node is not of the form https://host:port")
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
	// HTTP/1.1 alone: in HTTP/2, which Vault offers, a snapshot takes a sixth longer to come and half as long again to go.
	transport.Protocols = new(http.Protocols)
	transport.Protocols.SetHTTP1(true)
	n := &Node{Address: address, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirected },
	}}
	var err error
	if n.api, err = n.client(secret.String{}, patience, retries); err != nil {
		return nil, err
	}
	if n.probe, err = n.client(secret.String{}, probePatience, 0); err != nil {
		return nil, err
	}
	return n, nil
}

// client makes a client of the node that holds this token. api.NewClient takes a token, a namespace, headers and a wish
// to wrap every answer from VAULT_* variables of the environment, which may belong to another Vault: none of them stays.
func (n *Node) client(token secret.String, timeout time.Duration, retries int) (*api.Client, error) {
	c, err := api.NewClient(&api.Config{
		Address:      n.Address,
		HttpClient:   n.http,
		Timeout:      timeout,
		MaxRetries:   retries,
		MinRetryWait: 200 * time.Millisecond,
		MaxRetryWait: 2 * time.Second,
		CheckRetry: func(ctx context.Context, answer *http.Response, err error) (bool, error) {
			if errors.Is(err, errRedirected) {
				return false, err
			}
			return api.DefaultRetryPolicy(ctx, answer, err)
		},
	})
	if err != nil {
		return nil, fault.InvalidConfiguration.Errorf("vault client for %s: %w", n.Address, err)
	}
	c.SetHeaders(http.Header{api.RequestHeaderName: {"true"}})
	c.SetWrappingLookupFunc(func(string, string) string { return "" })
	c.SetToken(token.Reveal())
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
	}{{Standby, fault.NoLeader}, {Sealed, fault.VaultSealed}, {Removed, fault.VaultRemoved}, {Uninitialized, fault.VaultUninitialized}} {
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

// named turns an error of a Vault call into a fault. Vault's error texts stay in the log. A fault that err already
// carries is kept: sending a snapshot fails with what reading it failed with.
func named(err error, doing string) error {
	var (
		known  *fault.Error
		answer *api.ResponseError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return fmt.Errorf("%s: %w", doing, err)
	case errors.Is(err, errRedirected): // it led a moment ago; a later attempt finds who leads now
		return fault.VaultUnreachable.Errorf("%s: %w", doing, err)
	case errors.As(err, &answer):
		return nameOf(answer.StatusCode, err.Error()).Errorf("%s: %w", doing, err)
	default:
		return fault.VaultUnreachable.Errorf("%s: %w", doing, err)
	}
}

// nameOf names a status that is not success, and the text that came with it.
func nameOf(status int, text string) fault.Name {
	switch {
	case status == http.StatusServiceUnavailable && strings.Contains(text, "Vault is sealed"):
		return fault.VaultSealed
	case status >= 500 || status == http.StatusTooManyRequests:
		return fault.VaultUnreachable
	default:
		return fault.VaultRefused
	}
}
