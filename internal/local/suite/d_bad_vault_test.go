//go:build platform

package suite

import (
	"encoding/base64"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
)

// Vault is sealed while the new server is about to be given everything.
func TestAVaultThatIsSealedMidway(t *testing.T) {
	d := aDay(t)
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	strike(t, w.Faults.Vault, faults.Rule{
		Caller: "pmdr-configure-mailu", Path: "/v1/smtp/data/", Times: 1,
		Strikes: []faults.Strike{faults.Before(func() {
			if err := client.Sys().SealWithContext(t.Context()); err != nil {
				t.Error(err)
			}
		})},
	})
	r := d.force(t)
	if err := vaultserver.Unseal(t.Context(), client, w.Keys.Shares); err != nil {
		t.Fatal(err)
	}
	if err := vaultserver.WaitActive(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	d.putBack(t, r, "VaultSealed", slices.Concat(through("ConfigureMailu"), undone)...)
}

// No server is given a credential that is not the registry's, or that nobody can open.
func TestACredentialThatCannotBeInstalled(t *testing.T) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, tt := range map[string]struct {
		fault string
		spoil func(t *testing.T, client *api.Client, data map[string]any) map[string]any
	}{
		"it is missing": {"CredentialMissing", func(*testing.T, *api.Client, map[string]any) map[string]any { return nil }},
		"its password was encrypted for another tenant": {"CredentialMissing", func(t *testing.T, client *api.Client, data map[string]any) map[string]any {
			other, err := client.Logical().WriteWithContext(t.Context(), "transit/encrypt/smtp", map[string]any{
				"plaintext": encode(globex.Password.Reveal()), "context": encode("acme"),
				"associated_data": encode(data["credential_id"].(string)),
			})
			if err != nil {
				t.Fatal(err)
			}
			data["password"] = other.Data["ciphertext"]
			return data
		}},
		"it is older than the registry's": {"CredentialStale", func(_ *testing.T, _ *api.Client, data map[string]any) map[string]any {
			data["credential_id"] = uuid.NewString()
			return data
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := aDay(t)
			client, err := w.Root()
			if err != nil {
				t.Fatal(err)
			}
			credentials := client.KVv2("smtp")
			was, err := credentials.Get(t.Context(), "globex/admin")
			if err != nil {
				t.Fatal(err)
			}
			if spoiled := tt.spoil(t, client, maps.Clone(was.Data)); spoiled == nil {
				err = credentials.Delete(t.Context(), "globex/admin")
			} else {
				_, err = credentials.Put(t.Context(), "globex/admin", spoiled)
			}
			if err != nil {
				t.Fatal(err)
			}
			r := d.force(t)
			if _, err := credentials.Put(t.Context(), "globex/admin", was.Data); err != nil {
				t.Fatal(err)
			}
			d.putBack(t, r, tt.fault, slices.Concat(through("ConfigureMailu"), undone)...)
		})
	}
}
