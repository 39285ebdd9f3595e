//go:build platform

package vault

import (
	"context"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
)

const repoRoot = "../.."

// server builds the server once for all tests, in PMDR_CACHE or the repository's .cache.
var server = sync.OnceValues(func() (string, error) {
	cache := os.Getenv("PMDR_CACHE")
	if cache == "" {
		cache = filepath.Join(repoRoot, ".cache")
	}
	return vaultserver.Build(context.Background(), repoRoot, cache, slog.Default())
})

// real is a Vault of one node.
type real struct {
	*vaultserver.Node
	cluster *Cluster
}

// start starts an empty node, which ends with the test.
func start(t *testing.T) real {
	t.Helper()
	binary, err := server()
	if err != nil {
		t.Fatal(err)
	}
	authority, err := vaultserver.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return run(t, vaultserver.Options{
		Binary: binary, Dir: t.TempDir(), Name: "vault-1", Attached: true,
		CertFile: authority.CertFile, KeyFile: authority.KeyFile, CAFile: authority.CAFile,
	})
}

func run(t *testing.T, o vaultserver.Options) real {
	t.Helper()
	node, err := vaultserver.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Stop(); err != nil {
			t.Error(err)
		}
	})
	ca, err := os.ReadFile(o.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	cluster, err := Open(Config{
		Nodes: []string{node.URL()}, CACertificate: base64.StdEncoding.EncodeToString(ca), ServerID: "vault.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	return real{node, cluster}
}

func (r real) node() *Node { return r.cluster.Nodes()[0] }

func (r real) is(t *testing.T, want State) Health {
	t.Helper()
	var got Health
	eventually(t, "the node is "+string(want), func() bool {
		got = r.node().Health(t.Context())
		return got.State == want
	})
	return got
}

// lead initialises and opens the node, and returns a session as root.
func (r real) lead(t *testing.T, seal Seal) (*Session, Keys) {
	t.Helper()
	keys := must(r.node().Initialize(t.Context(), seal))
	if err := r.node().Unseal(t.Context(), keys.Shares[:seal.Threshold]); err != nil {
		t.Fatal(err)
	}
	r.is(t, Active)
	return must(r.node().AsRoot(keys)), keys
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within 30 s", what)
		case <-poll.C:
		}
	}
}

func (r real) mount(t *testing.T, s *Session, path string) {
	t.Helper()
	err := s.api.Sys().MountWithContext(t.Context(), path, &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the mount takes a secret", func() bool {
		_, err := s.api.KVv2(path).Put(t.Context(), "first", map[string]any{})
		return err == nil
	})
	if err := s.api.KVv2(path).DeleteMetadata(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s *Session, mount, path string, data map[string]any) {
	t.Helper()
	if _, err := s.api.KVv2(mount).Put(t.Context(), path, data); err != nil {
		t.Fatal(err)
	}
}
