package vault

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// open is the cluster of these nodes.
func open(t *testing.T, nodes ...*vaulttest.Node) *Cluster {
	t.Helper()
	c := Config{CACertificate: nodes[0].CA(), ServerID: "vault.example"}
	for _, n := range nodes {
		c.Nodes = append(c.Nodes, n.URL)
	}
	cluster, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range cluster.nodes {
		n.api.SetMaxRetries(0)
	}
	return cluster
}

const testToken = "hvs.never-to-be-seen"

// loggedIn is a session at the node that does not try again.
func loggedIn(t *testing.T, n *vaulttest.Node) *Session {
	t.Helper()
	s, err := open(t, n).Nodes()[0].with(secret.New(testToken), Health{})
	if err != nil {
		t.Fatal(err)
	}
	s.api.SetMaxRetries(0)
	return s
}

// calls is everything that a session asks of its node, by name.
func calls(s *Session) map[string]func(context.Context) error {
	drop := func(_ any, err error) error { return err }
	return map[string]func(context.Context) error{
		"Mounts":         func(ctx context.Context) error { return drop(s.Mounts(ctx)) },
		"AuthMethods":    func(ctx context.Context) error { return drop(s.AuthMethods(ctx)) },
		"AuthRoles":      func(ctx context.Context) error { return drop(s.AuthRoles(ctx, "aws/")) },
		"AuditDevices":   func(ctx context.Context) error { return drop(s.AuditDevices(ctx)) },
		"Policies":       func(ctx context.Context) error { return drop(s.Policies(ctx)) },
		"RaftIndex":      func(ctx context.Context) error { return drop(s.RaftIndex(ctx)) },
		"ListSecrets":    func(ctx context.Context) error { return drop(s.ListSecrets(ctx, "smtp/")) },
		"ReadSecret":     func(ctx context.Context) error { return drop(s.ReadSecret(ctx, "smtp/", "t/admin", 0)) },
		"ReadSecret v1":  func(ctx context.Context) error { return drop(s.ReadSecret(ctx, "smtp/", "t/admin", 1)) },
		"CurrentVersion": func(ctx context.Context) error { return drop(s.CurrentVersion(ctx, "smtp/", "t/admin")) },
		"PutSecret": func(ctx context.Context) error {
			return s.PutSecret(ctx, "smtp/", "t/admin", map[string]any{"password": "never-to-be-seen"})
		},
		"WriteSecret": func(ctx context.Context) error {
			_, _, err := s.WriteSecret(ctx, "smtp/", "t/admin", 1, map[string]any{"password": "never-to-be-seen"})
			return err
		},
		"DestroyVersions": func(ctx context.Context) error { return drop(s.DestroyVersions(ctx, "smtp/", "t/admin", 1)) },
		"Annotations":     func(ctx context.Context) error { return drop(s.Annotations(ctx, "smtp/", "t/admin")) },
		"Annotate": func(ctx context.Context) error {
			return s.Annotate(ctx, "smtp/", "t/admin", map[string]string{"a": "b"})
		},
		"Encrypt":       func(ctx context.Context) error { return drop(s.Encrypt(ctx, secret.New("never-to-be-seen"), "t", "c")) },
		"Decrypt":       func(ctx context.Context) error { return drop(s.Decrypt(ctx, Ciphertext{"vault:v1:x", "t", "c"})) },
		"Snapshot":      func(ctx context.Context) error { return drop(s.Snapshot(ctx)) },
		"Restore":       func(ctx context.Context) error { return s.Restore(ctx, strings.NewReader("snapshot")) },
		"RestoreForced": func(ctx context.Context) error { return s.RestoreForced(ctx, strings.NewReader("snapshot")) },
		"Seal":          func(ctx context.Context) error { return drop(s.Seal(ctx)) },
		"Initialize":    func(ctx context.Context) error { return drop(s.Initialize(ctx, Seal{shamir, 3, 2})) },
	}
}

// wantFault checks the fault of err, and that neither it nor what it wraps gives away a secret.
func wantFault(t *testing.T, what string, err error, want fault.Name) {
	t.Helper()
	if !fault.Is(err, want) {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
	noSecret(t, what, err)
}

var testShares = []secret.String{secret.New("share-one-never-to-be-seen"), secret.New("share-two-never-to-be-seen")}

func noSecret(t *testing.T, what string, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.Contains(err.Error(), "never-to-be-seen") {
			t.Errorf("%s: a secret is in the error", what)
		}
	}
}
