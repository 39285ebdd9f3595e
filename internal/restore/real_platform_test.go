//go:build platform

package restore

import (
	"cmp"
	"context"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// real is a Vault of real nodes. The last one leads: whoever takes the first for the leader is wrong.
type real struct {
	t       *testing.T
	nodes   []*vaultserver.Node
	cluster *vault.Cluster
	// seal is how the nodes lock themselves.
	seal sealed.Vault
	keys vault.Keys
	// id is the cluster's identity.
	id      string
	ca      string // PEM
	tenants []string
}

// byPeople is the seal that people open, byVault the one that another Vault opens.
var (
	byPeople = sealed.Vault{SealType: "shamir", Shares: 3, Threshold: 2}
	byVault  = sealed.Vault{SealType: "transit", Shares: 3, Threshold: 2}
)

func now() time.Time { return started }

// startReal forms a cluster of that many nodes, which see env and end with the test.
func startReal(t *testing.T, nodes int, seal sealed.Vault, env ...string) *real {
	t.Helper()
	root := filepath.Join("..", "..")
	binary, err := vaultserver.Build(t.Context(), root, cmp.Or(os.Getenv("PMDR_CACHE"), filepath.Join(root, ".cache")), slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	authority, err := vaultserver.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	last := nodes - 1
	c := &real{t: t, seal: seal, nodes: make([]*vaultserver.Node, nodes), ca: string(authority.CAPEM), tenants: []string{"acme", "globex", "recovery-test"}}
	config := vault.Config{CACertificate: base64.StdEncoding.EncodeToString(authority.CAPEM), ServerID: "vault.example"}
	t.Cleanup(func() {
		for _, n := range c.nodes {
			if n == nil {
				continue
			}
			if err := n.Stop(); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range c.nodes {
		if c.nodes[i], err = vaultserver.Start(t.Context(), vaultserver.Options{
			Binary: binary, Dir: t.TempDir(), Name: "vault-" + strconv.Itoa(i), Attached: true, Env: env,
			CertFile: authority.CertFile, KeyFile: authority.KeyFile, CAFile: authority.CAFile, Seal: configured(seal),
		}); err != nil {
			t.Fatal(err)
		}
		config.Nodes = append(config.Nodes, c.nodes[i].URL())
	}
	if c.cluster, err = vault.Open(config); err != nil {
		t.Fatal(err)
	}
	like := vault.Seal{Type: seal.SealType, Shares: seal.Shares, Threshold: seal.Threshold}
	if c.keys, err = c.cluster.Nodes()[last].Initialize(t.Context(), like); err != nil {
		t.Fatal(err)
	}
	c.open(last)
	c.until("the first node leads", func() bool { _, _, err := c.cluster.Leader(t.Context()); return err == nil })
	// A node that has joined may vote after a second instead of ten.
	if _, err := c.client(last).Logical().WriteWithContext(t.Context(), "sys/storage/raft/autopilot/configuration", map[string]any{
		"server_stabilization_time": "1s",
	}); err != nil {
		t.Fatal(err)
	}
	for i := range last {
		c.join(i, last)
		c.open(i)
	}
	c.until("all of them vote", func() bool { return len(c.voters()) == len(c.nodes) })
	c.id = c.clusterID()
	return c
}

// configured is what a node's configuration says of its seal.
func configured(seal sealed.Vault) string {
	if seal.SealType == byPeople.SealType {
		return ""
	}
	return seal.SealType
}

// step is one of the days of this cluster; after one that failed there is no next.
func (c *real) step(name string, do func(*testing.T)) {
	whole := c.t
	defer func() { c.t = whole }()
	if !whole.Run(name, func(t *testing.T) { c.t = t; do(t) }) {
		whole.FailNow()
	}
}

func (c *real) client(node int) *api.Client {
	c.t.Helper()
	client, err := c.nodes[node].Client()
	if err != nil {
		c.t.Fatal(err)
	}
	client.SetToken(c.keys.RootToken.Reveal())
	return client
}

// open unseals a node as an operator does. One that has just joined opens a moment after its last share: it answers
// "sealed" to that one, and fetches the cluster's keys from the leader first.
func (c *real) open(node int) {
	c.t.Helper()
	client := c.client(node)
	for _, share := range c.keys.Shares[:min(c.seal.Threshold, len(c.keys.Shares))] { // a seal that is no people's gives none
		if _, err := client.Sys().UnsealWithContext(c.t.Context(), share.Reveal()); err != nil {
			c.t.Fatal(err)
		}
	}
	c.until("the node is open", func() bool {
		status, err := client.Sys().SealStatusWithContext(c.t.Context())
		return err == nil && !status.Sealed
	})
}

// session is root's, at whichever node leads.
func (c *real) session() *vault.Session {
	c.t.Helper()
	leader, health, err := c.cluster.Leader(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	session := c.at(leader)
	session.Health = health
	return session
}

// at is root's session at one node.
func (c *real) at(n *vault.Node) *vault.Session {
	c.t.Helper()
	session, err := n.AsRoot(c.keys)
	if err != nil {
		c.t.Fatal(err)
	}
	return session
}

func (c *real) clusterID() string { return c.session().Health.ClusterID }

// fill gives Vault the secrets of the tenants.
func (c *real) fill() {
	c.t.Helper()
	ctx := c.t.Context()
	client := c.client(len(c.nodes) - 1)
	for path, mount := range map[string]*api.MountInput{
		"smtp": {Type: "kv", Options: map[string]string{"version": "2"}}, "transit": {Type: "transit"},
	} {
		if err := client.Sys().MountWithContext(ctx, path, mount); err != nil {
			c.t.Fatal(err)
		}
	}
	if _, err := client.Logical().WriteWithContext(ctx, "transit/keys/smtp", map[string]any{"derived": true}); err != nil {
		c.t.Fatal(err)
	}
	session := c.session()
	c.until("the mount takes secrets", func() bool { _, err := session.ListSecrets(ctx, "smtp/"); return err == nil })
	for _, tenant := range c.tenants {
		sealed, err := session.Encrypt(ctx, secret.New("password of "+tenant), tenant, "id-of-"+tenant)
		if err != nil {
			c.t.Fatal(err)
		}
		_, written, err := session.WriteSecret(ctx, "smtp/", tenant+credential, 0, map[string]any{
			"username": "admin", "password": sealed.Text, "credential_id": sealed.CredentialID,
		})
		if err != nil || !written {
			c.t.Fatal(written, err)
		}
	}
	// Vault stamps by the nanosecond and tells its clock by the second: the capture must begin in a later one.
	last := time.Now()
	c.until("the second is over", func() bool { return c.session().Health.Time.After(last) })
}

// join makes a node part of the cluster of another.
func (c *real) join(node, leader int) {
	c.t.Helper()
	answer, err := c.client(node).Sys().RaftJoinWithContext(c.t.Context(), &api.RaftJoinRequest{
		LeaderAPIAddr: c.nodes[leader].URL(), LeaderCACert: c.ca,
	})
	if err != nil || !answer.Joined {
		c.t.Fatal(answer, err)
	}
}

// voters names the nodes that count for the quorum, as the leader sees it.
func (c *real) voters() []string {
	c.t.Helper()
	leader, _, err := c.cluster.Leader(c.t.Context())
	if err != nil {
		return nil
	}
	i := slices.IndexFunc(c.nodes, func(n *vaultserver.Node) bool { return n.URL() == leader.Address })
	state, err := c.client(i).Sys().RaftAutopilotStateWithContext(c.t.Context())
	if err != nil || state == nil {
		return nil // it leads since a moment
	}
	slices.Sort(state.Voters)
	return state.Voters
}

func (c *real) kill(nodes ...int) {
	c.t.Helper()
	for _, i := range nodes {
		if err := c.nodes[i].Kill(); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *real) wipe(nodes ...int) {
	c.t.Helper()
	for _, i := range nodes {
		if err := c.nodes[i].Wipe(); err != nil {
			c.t.Fatal(err)
		}
	}
}

// start starts a node on what is left of its disk.
func (c *real) start(node int) {
	c.t.Helper()
	n, err := vaultserver.Start(c.t.Context(), c.nodes[node].Options())
	if err != nil {
		c.t.Fatal(err)
	}
	c.nodes[node] = n
}

// said reports whether a node has written that to its log.
func (c *real) said(node int, text string) bool {
	c.t.Helper()
	log, err := os.ReadFile(c.nodes[node].Options().LogFile)
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.Contains(string(log), text)
}

func (c *real) until(what string, condition func() bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			c.t.Fatalf("%s: not within a minute", what)
		case <-poll.C:
		}
	}
}
