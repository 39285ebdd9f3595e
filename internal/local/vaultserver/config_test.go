package vaultserver

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The file is the one that the nested module's tests read, with its own parser and with Vault's.
func TestConfigIsTheOneTheServerTestsRead(t *testing.T) {
	want, err := os.ReadFile("server/testdata/vault.json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := configFor(Options{
		Dir:            "/srv/vault",
		Name:           "vault-1",
		Address:        "127.0.0.1:8200",
		ClusterAddress: "127.0.0.1:8201",
		CertFile:       "/srv/vault/server.pem",
		KeyFile:        "/srv/vault/server.key",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}
