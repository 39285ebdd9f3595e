package vault

import (
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

// The answers here and below are those of a real Vault 1.21 (kv_write_platform_test.go asks it the same).
func TestWriteSecret(t *testing.T) {
	n := vaulttest.Start(t)
	s := loggedIn(t, n)
	n.On("PUT smtp/data/t/admin", vaulttest.JSON(200,
		`{"data":{"created_time":"2026-11-24T02:00:00Z","custom_metadata":null,"deletion_time":"","destroyed":false,"version":4}}`))
	version, ok, err := s.WriteSecret(t.Context(), "smtp/", "t/admin", 3, map[string]any{"username": "admin"})
	if version != 4 || !ok || err != nil {
		t.Errorf("WriteSecret = %d, %v, %v", version, ok, err)
	}
	if got, want := n.Requests()[0].Body, `{"data":{"username":"admin"},"options":{"cas":3}}`; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	_, ok, err = s.WriteSecret(t.Context(), "smtp/", "t/admin", 7, map[string]any{})
	wantFault(t, "another version than was asked for", err, fault.VaultRefused)
	if ok {
		t.Error("another version counts as written")
	}
	n.On("PUT smtp/data/t/admin", vaulttest.JSON(400, `{"errors":["check-and-set parameter did not match the current version"]}`))
	if version, ok, err = s.WriteSecret(t.Context(), "smtp/", "t/admin", 3, map[string]any{}); version != 0 || ok || err != nil {
		t.Errorf("a lost race: %d, %v, %v", version, ok, err)
	}
	n.On("PUT smtp/data/t/admin", vaulttest.JSON(400, `{"errors":["some other complaint"]}`))
	_, _, err = s.WriteSecret(t.Context(), "smtp/", "t/admin", 3, map[string]any{})
	wantFault(t, "another complaint", err, fault.VaultRefused)
}

func TestDestroyVersions(t *testing.T) {
	n := vaulttest.Start(t)
	s := loggedIn(t, n)
	const version = `{"created_time":"2026-11-24T02:00:00Z","deletion_time":"","destroyed":`
	n.On("GET smtp/metadata/t/admin", vaulttest.JSON(200, `{"data":{"cas_required":false,"created_time":"2026-11-24T02:00:00Z",
		"current_version":4,"custom_metadata":null,"delete_version_after":"0s","max_versions":0,"oldest_version":1,
		"updated_time":"2026-11-24T02:00:00Z","versions":{"1":`+version+`true},"2":`+version+`false},"3":`+version+`false},"4":`+version+`false}}}}`))
	n.On("PUT smtp/destroy/t/admin", vaulttest.JSON(204, ``))
	destroyed, err := s.DestroyVersions(t.Context(), "smtp/", "t/admin", 3)
	if destroyed != 2 || err != nil {
		t.Errorf("DestroyVersions = %d, %v", destroyed, err)
	}
	if got, want := n.Mutations()[0].Body, `{"versions":[2,3]}`; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	if destroyed, err = s.DestroyVersions(t.Context(), "smtp/", "t/admin", 1); destroyed != 0 || err != nil || len(n.Mutations()) != 1 {
		t.Errorf("what is destroyed: %d, %v", destroyed, err)
	}
	if destroyed, err = s.DestroyVersions(t.Context(), "smtp/", "nobody/admin", 1); destroyed != 0 || err != nil {
		t.Errorf("what never was: %d, %v", destroyed, err)
	}
}

func TestAnnotations(t *testing.T) {
	n := vaulttest.Start(t)
	s := loggedIn(t, n)
	n.On("PATCH smtp/metadata/t/admin", vaulttest.JSON(204, ``))
	if err := s.Annotate(t.Context(), "smtp/", "t/admin", map[string]string{"kept": "x", "gone": ""}); err != nil {
		t.Fatal(err)
	}
	if got, want := n.Requests()[0].Body, `{"custom_metadata":{"gone":null,"kept":"x"}}`; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	notes, err := s.Annotations(t.Context(), "smtp/", "t/admin")
	if len(notes) != 0 || err != nil {
		t.Errorf("notes of nothing: %v, %v", notes, err)
	}
}

func TestEncrypt(t *testing.T) {
	n := vaulttest.Start(t)
	s := loggedIn(t, n)
	n.On("PUT transit/encrypt/smtp", vaulttest.JSON(200, `{"data":{"ciphertext":"vault:v1:abc","key_version":1}}`))
	got, err := s.Encrypt(t.Context(), secret.New("correct horse"), "tenant", "id")
	if want := (Ciphertext{"vault:v1:abc", "tenant", "id"}); got != want || err != nil {
		t.Errorf("Encrypt = %+v, %v", got, err)
	}
	if got, want := n.Requests()[0].Body, `{"associated_data":"aWQ=","context":"dGVuYW50","plaintext":"Y29ycmVjdCBob3JzZQ=="}`; got != want {
		t.Errorf("sent %s, want %s", got, want)
	}
	for name, body := range map[string]string{"nothing": ``, "no ciphertext": `{"data":{}}`, "a number": `{"data":{"ciphertext":7}}`} {
		n.On("PUT transit/encrypt/smtp", vaulttest.JSON(200, body))
		_, err := s.Encrypt(t.Context(), secret.New("never-to-be-seen"), "tenant", "id")
		wantFault(t, name, err, fault.VaultRefused)
	}
}
