package vault

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

func TestDecrypt(t *testing.T) {
	n := vaulttest.Start(t)
	n.On("PUT transit/decrypt/smtp", vaulttest.JSON(200, `{"data":{"plaintext":"Y29ycmVjdCBob3JzZQ=="}}`))
	got, err := loggedIn(t, n).Decrypt(t.Context(), Ciphertext{Text: "vault:v1:abc", TenantID: "tenant", CredentialID: "id"})
	if err != nil || got.Reveal() != "correct horse" {
		t.Errorf("the password does not come back: %v", err)
	}
	var sent map[string]string
	if err := json.Unmarshal([]byte(n.Requests()[0].Body), &sent); err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{"ciphertext": "vault:v1:abc", "context": "dGVuYW50", "associated_data": "aWQ="} {
		if sent[field] != want {
			t.Errorf("%s is %q, want %q", field, sent[field], want)
		}
	}
}

func TestDecryptFails(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"another context": vaulttest.JSON(400, `{"errors":["cipher: message authentication failed"]}`),
		"nothing":         vaulttest.JSON(204, ``),
		"not found":       vaulttest.JSON(404, ``),
		"no plaintext":    vaulttest.JSON(200, `{"data":{}}`),
		"a number":        vaulttest.JSON(200, `{"data":{"plaintext":7}}`),
		"not base64":      vaulttest.JSON(200, `{"data":{"plaintext":"never-to-be-seen"}}`),
	} {
		n := vaulttest.Start(t)
		n.On("PUT transit/decrypt/smtp", answer)
		got, err := loggedIn(t, n).Decrypt(t.Context(), Ciphertext{"vault:v1:abc", "tenant", "id"})
		wantFault(t, name, err, fault.VaultRefused)
		if !got.Empty() {
			t.Errorf("%s: a password", name)
		}
	}
}
