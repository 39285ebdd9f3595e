package vault

import (
	"context"
	"encoding/base64"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Ciphertext is a password as Vault's transit engine sealed it: one derived key per tenant, bound to one credential.
type Ciphertext struct {
	// Text is transit's own form, "vault:v1:…".
	Text string
	// TenantID is the derivation context; with another the text does not decrypt.
	TenantID string
	// CredentialID is the associated data; it ties the text to this generation of the credential.
	CredentialID string
}

// transitKey is the one derived key that holds every tenant's password.
const transitKey = "smtp"

// Decrypt opens a password. A text that does not decrypt is VaultRefused.
func (s *Session) Decrypt(ctx context.Context, c Ciphertext) (secret.String, error) {
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	answer, err := s.api.Logical().WriteWithContext(ctx, "transit/decrypt/"+transitKey, map[string]any{
		"ciphertext":      c.Text,
		"context":         encode(c.TenantID),
		"associated_data": encode(c.CredentialID),
	})
	if err != nil {
		return secret.String{}, named(err, "decrypt the password of tenant "+c.TenantID)
	}
	if answer == nil {
		return secret.String{}, fault.VaultRefused.Errorf("decrypt the password of tenant %s: the answer is empty", c.TenantID)
	}
	encoded, ok := answer.Data["plaintext"].(string)
	plain, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return secret.String{}, fault.VaultRefused.Errorf("decrypt the password of tenant %s: the answer holds no base64", c.TenantID)
	}
	return secret.New(string(plain)), nil
}
