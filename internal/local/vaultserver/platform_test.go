//go:build platform

package vaultserver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/local/process"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

const repoRoot = "../../.."

// server builds the server once for all tests, in PMDR_CACHE or the repository's .cache.
var server = sync.OnceValues(func() (string, error) {
	cache := os.Getenv("PMDR_CACHE")
	if cache == "" {
		cache = filepath.Join(repoRoot, ".cache")
	}
	return Build(context.Background(), repoRoot, cache, slog.Default())
})

// options are those of a node in a directory of its own, which dies with the test.
func options(t *testing.T) Options {
	t.Helper()
	binary, err := server()
	if err != nil {
		t.Fatal(err)
	}
	o := stand(t, "")
	o.Binary = binary
	return o
}

// up starts a node, and makes sure when the test ends that it is gone.
func up(t *testing.T, o Options) *Node {
	t.Helper()
	n, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
		if p, err := process.Identify(n.process.PID); p == n.process || err != nil && !errors.Is(err, process.ErrGone) {
			t.Errorf("pid %d is still there: %v", n.process.PID, err)
		}
	})
	return n
}

func client(t *testing.T, n *Node) *api.Client {
	t.Helper()
	c, err := n.Client()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lead initialises a cluster with 3 shares of which 2 unseal it, unseals it, and waits until it leads.
func lead(t *testing.T, c *api.Client) Keys {
	t.Helper()
	keys, err := Init(t.Context(), c, 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	unseal(t, c, keys.Shares[:2])
	c.SetToken(keys.RootToken.Reveal())
	return keys
}

func unseal(t *testing.T, c *api.Client, shares []secret.String) {
	t.Helper()
	if err := Unseal(t.Context(), c, shares); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := WaitActive(ctx, c); err != nil {
		t.Fatal(err)
	}
}

// status is what sys/health answers: 200 active, 429 standby, 501 uninitialised, 503 sealed.
func status(t *testing.T, n *Node) int {
	t.Helper()
	code, _ := call(t, n, "", http.MethodGet, "sys/health", nil)
	return code
}

// call sends one request as it is: vault/api hides statuses and follows redirects.
func call(t *testing.T, n *Node, token, method, path string, body io.Reader) (int, []byte) {
	t.Helper()
	c, err := n.httpClient()
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), method, n.URL()+"/v1/"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Vault-Token", token)
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, content
}

func want(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: status %d, want %d", what, got, want)
	}
}

func TestNodeDiesAndComesBack(t *testing.T) {
	o := options(t)
	start := time.Now()
	n := up(t, o)
	answered := time.Since(start)
	want(t, "a fresh node", status(t, n), http.StatusNotImplemented)
	keys := lead(t, client(t, n))
	want(t, "unsealed", status(t, n), http.StatusOK)
	t.Logf("answered after %v, unsealed and active after %v", answered, time.Since(start))

	if err := n.Kill(); err != nil {
		t.Fatal(err)
	}
	if n.Running() {
		t.Fatal("a killed node is running")
	}
	n = up(t, n.Options())
	want(t, "killed and started on the same data", status(t, n), http.StatusServiceUnavailable)
	unseal(t, client(t, n), keys.Shares[1:])
	want(t, "unsealed with two other shares", status(t, n), http.StatusOK)

	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(n.Options().LogFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(log, []byte("==> Vault shutdown triggered")) {
		t.Errorf("the node did not shut down cleanly; its log ends with:\n%s", lastLines(log, 15))
	}
	for _, share := range append(keys.Shares, keys.RootToken) {
		if bytes.Contains(log, []byte(share.Reveal())) {
			t.Error("a key share or the root token is in the log")
		}
	}
	if err := n.Wipe(); err != nil {
		t.Fatal(err)
	}
	n = up(t, n.Options())
	want(t, "wiped and started again", status(t, n), http.StatusNotImplemented)
}

func TestNodeHasWhatTheProductUses(t *testing.T) {
	n := up(t, options(t))
	c := client(t, n)
	lead(t, c)
	trail := filepath.Join(t.TempDir(), "audit.log")
	sys := c.Sys()
	for what, err := range map[string]error{
		"kv v2":   sys.MountWithContext(t.Context(), "smtp", &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}),
		"transit": sys.MountWithContext(t.Context(), "transit", &api.MountInput{Type: "transit"}),
		"approle": sys.EnableAuthWithOptionsWithContext(t.Context(), "approle", &api.EnableAuthOptions{Type: "approle"}),
		"aws":     sys.EnableAuthWithOptionsWithContext(t.Context(), "aws", &api.EnableAuthOptions{Type: "aws"}),
		"file audit": sys.EnableAuditWithOptionsWithContext(t.Context(), "file",
			&api.EnableAuditOptions{Type: "file", Options: map[string]string{"file_path": trail}}),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := c.Logical().WriteWithContext(t.Context(), "transit/keys/smtp", map[string]any{"derived": true}); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadFile(trail)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(entries, []byte("transit/keys/smtp")) {
		t.Error("the audit file does not tell of the new key")
	}
}

// eventually waits up to thirty seconds for a condition.
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

func TestServerSaysWhyItDoesNotStart(t *testing.T) {
	o := options(t)
	o.KeyFile = stand(t, "").KeyFile // does not belong to the certificate
	_, err := Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "private key does not match public key") {
		t.Errorf("got error %v, want the server's reason", err)
	}
}
