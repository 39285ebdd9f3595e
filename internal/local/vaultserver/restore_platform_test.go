//go:build platform

package vaultserver

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/hashicorp/vault/api"
)

// A lost cluster is restored into a wiped one: force, sealed within seconds, unsealed by the snapshot's shares.
func TestSnapshotIsRestoredIntoAWipedNode(t *testing.T) {
	n := up(t, options(t))
	c := client(t, n)
	old := lead(t, c)
	if err := c.Sys().MountWithContext(t.Context(), "smtp", &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}); err != nil {
		t.Fatal(err)
	}
	put(t, c)
	code, snapshot := call(t, n, old.RootToken.Reveal(), http.MethodGet, "sys/storage/raft/snapshot", nil)
	want(t, "snapshot", code, http.StatusOK)

	if err := n.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := n.Wipe(); err != nil {
		t.Fatal(err)
	}
	n = up(t, n.Options())
	c = client(t, n)
	fresh := lead(t, c)
	token := fresh.RootToken.Reveal()

	code, _ = call(t, n, token, http.MethodPost, "sys/storage/raft/snapshot", bytes.NewReader(snapshot))
	want(t, "restore without force", code, http.StatusBadRequest)
	code, _ = call(t, n, token, http.MethodPost, "sys/storage/raft/snapshot-force", bytes.NewReader(snapshot))
	want(t, "restore with force", code, http.StatusNoContent)
	eventually(t, "sealed by the restore", func() bool { return status(t, n) == http.StatusServiceUnavailable })

	if err := Unseal(t.Context(), c, fresh.Shares[:2]); err == nil {
		t.Fatal("the shares of the empty cluster unseal the restored one")
	}
	if _, err := c.Sys().ResetUnsealProcessWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	unseal(t, c, old.Shares[:2])
	code, _ = call(t, n, token, http.MethodGet, "auth/token/lookup-self", nil)
	want(t, "root token of the empty cluster", code, http.StatusForbidden)
	code, content := call(t, n, old.RootToken.Reveal(), http.MethodGet, "smtp/data/tenant/admin", nil)
	want(t, "old secret", code, http.StatusOK)
	var read struct {
		Data struct{ Data map[string]string }
	}
	if err := json.Unmarshal(content, &read); err != nil {
		t.Fatal(err)
	}
	if read.Data.Data["username"] != "admin@example.com" {
		t.Error("the old secret came back changed")
	}
}

// put writes a secret to a new kv v2 mount, which refuses for a moment after it was made ("Upgrading from
// non-versioned to versioned data").
func put(t *testing.T, c *api.Client) {
	t.Helper()
	var err error
	eventually(t, "kv v2 takes a secret", func() bool {
		_, err = c.KVv2("smtp").Put(t.Context(), "tenant/admin", map[string]any{"username": "admin@example.com"})
		return err == nil
	})
}
