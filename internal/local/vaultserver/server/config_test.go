package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	vaultconfig "github.com/hashicorp/vault/command/server"
)

const example = "testdata/vault.json"

func TestConfigIsRead(t *testing.T) {
	c, err := loadConfig(example)
	if err != nil {
		t.Fatal(err)
	}
	raft := map[string]string{"path": "/srv/vault/data", "node_id": "vault-1", "performance_multiplier": "1"}
	for key, want := range raft {
		if got := c.Storage.Raft.parameters()[key]; got != want {
			t.Errorf("storage.raft.%s = %q, want %q", key, got, want)
		}
	}
	if got, want := c.Listener.TCP.ClusterAddress, "127.0.0.1:8201"; got != want {
		t.Errorf("cluster_address = %q, want %q", got, want)
	}
	if got, want := time.Duration(c.Listener.TCP.HTTPReadTimeout), 15*time.Minute; got != want {
		t.Errorf("http_read_timeout = %v, want %v", got, want)
	}
	if !*c.DisableMlock {
		t.Error("disable_mlock = false, want true")
	}
}

// The same file must mean the same to the `vault` binary: Vault's own parser reads it here, finds no key it does not
// know, and arrives at the same values.
func TestVaultReadsTheSameConfig(t *testing.T) {
	ours, err := loadConfig(example)
	if err != nil {
		t.Fatal(err)
	}
	vaults, err := vaultconfig.LoadConfigFile(example)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range vaults.Validate(example) {
		t.Error(problem)
	}
	if len(vaults.Listeners) != 1 {
		t.Fatalf("Vault sees %d listeners, want 1", len(vaults.Listeners))
	}
	listener := vaults.Listeners[0]
	if listener.Type != "tcp" || listener.TLSDisable {
		t.Errorf("Vault sees a %s listener, TLS disabled: %v", listener.Type, listener.TLSDisable)
	}
	same := []struct {
		key         string
		ours, their any
	}{
		{"storage", "raft", vaults.Storage.Type},
		{"path", ours.Storage.Raft.Path, vaults.Storage.Config["path"]},
		{"node_id", ours.Storage.Raft.NodeID, vaults.Storage.Config["node_id"]},
		{"performance_multiplier", ours.Storage.Raft.parameters()["performance_multiplier"], vaults.Storage.Config["performance_multiplier"]},
		{"address", ours.Listener.TCP.Address, listener.Address},
		{"cluster_address", ours.Listener.TCP.ClusterAddress, listener.ClusterAddress},
		{"tls_cert_file", ours.Listener.TCP.TLSCertFile, listener.TLSCertFile},
		{"tls_key_file", ours.Listener.TCP.TLSKeyFile, listener.TLSKeyFile},
		{"http_read_timeout", time.Duration(ours.Listener.TCP.HTTPReadTimeout), listener.HTTPReadTimeout},
		{"max_request_duration", time.Duration(ours.Listener.TCP.MaxRequestDuration), listener.MaxRequestDuration},
		{"api_addr", ours.APIAddr, vaults.APIAddr},
		{"cluster_addr", ours.ClusterAddr, vaults.ClusterAddr},
		{"disable_mlock", *ours.DisableMlock, vaults.DisableMlock},
		{"log_level", ours.LogLevel, vaults.LogLevel},
	}
	for _, s := range same {
		if s.ours != s.their {
			t.Errorf("%s: this build reads %v, Vault reads %v", s.key, s.ours, s.their)
		}
	}
}

// A seal without parameters means the same to Vault: it takes them from the environment.
func TestVaultReadsTheSameSeal(t *testing.T) {
	data := changed(t, `{"seal": {"transit": {}}}`)
	ours, err := parseConfig(data)
	if err != nil || ours.Seal.Transit == nil {
		t.Fatalf("%+v, %v", ours.Seal, err)
	}
	vaults, err := vaultconfig.ParseConfig(string(data), "vault.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(vaults.Seals) != 1 || vaults.Seals[0].Type != "transit" || vaults.Seals[0].Disabled {
		t.Errorf("Vault reads %+v", vaults.Seals)
	}
}

func TestConfigIsRefused(t *testing.T) {
	cases := []struct{ name, change, because string }{
		{"unknown key", `{"ui": true}`, `unknown field "ui"`},
		{"unknown listener key", `{"listener": {"tcp": {"tls_disable": true}}}`, `unknown field "tls_disable"`},
		{"other storage", `{"storage": {"file": {"path": "/srv"}}}`, `unknown field "file"`},
		{"a cloud's seal", `{"seal": {"awskms": {}}}`, `unknown field "awskms"`},
		{"a seal's parameters", `{"seal": {"transit": {"key_name": "unseal"}}}`, `unknown field "key_name"`},
		{"no node id", `{"storage": {"raft": {"node_id": ""}}}`, "storage.raft.node_id is missing"},
		{"no certificate", `{"listener": {"tcp": {"tls_cert_file": ""}}}`, "listener.tcp.tls_cert_file is missing"},
		{"no word on mlock", `{"disable_mlock": null}`, "disable_mlock is missing"},
		{"span without a unit", `{"listener": {"tcp": {"http_read_timeout": "15"}}}`, "missing unit"},
		{"no time at all", `{"listener": {"tcp": {"http_read_timeout": "0s"}}}`, "not positive"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseConfig(changed(t, c.change))
			if err == nil || !strings.Contains(err.Error(), c.because) {
				t.Errorf("got error %v, want one saying %q", err, c.because)
			}
		})
	}
}

func TestConfigIsOneJSONObject(t *testing.T) {
	if _, err := parseConfig(append(changed(t, `{}`), "{}"...)); err == nil {
		t.Error("a second object was accepted")
	}
}

// changed is the example with an object merged over it.
func changed(t *testing.T, change string) []byte {
	t.Helper()
	data, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	var base, over map[string]any
	for text, into := range map[string]*map[string]any{string(data): &base, change: &over} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	merge(base, over)
	merged, err := json.Marshal(base)
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

func merge(base, over map[string]any) {
	for key, value := range over {
		inner, both := base[key].(map[string]any)
		if object, ok := value.(map[string]any); ok && both {
			merge(inner, object)
			continue
		}
		base[key] = value
	}
}
