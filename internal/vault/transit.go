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

// encode is how transit takes every text but its own.
func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// Encrypt seals a password for one tenant and one credential. The session's role needs "update", never "create": with that a
// key that is not there would silently be made.
func (s *Session) Encrypt(ctx context.Context, password secret.String, tenantID, credentialID string) (Ciphertext, error) {
	answer, err := s.api.Logical().WriteWithContext(ctx, "transit/encrypt/"+transitKey, map[string]any{
		"plaintext":       encode(password.Reveal()),
		"context":         encode(tenantID),
		"associated_data": encode(credentialID),
	})
	if err != nil {
		return Ciphertext{}, named(err, "encrypt the password of tenant "+tenantID)
	}
	text := ""
	if answer != nil {
		text, _ = answer.Data["ciphertext"].(string)
	}
	if text == "" {
		return Ciphertext{}, fault.VaultRefused.Errorf("encrypt the password of tenant %s: the answer holds no ciphertext", tenantID)
	}
	return Ciphertext{Text: text, TenantID: tenantID, CredentialID: credentialID}, nil
}

// Decrypt opens a password. A text that does not decrypt is VaultRefused.
func (s *Session) Decrypt(ctx context.Context, c Ciphertext) (secret.String, error) {
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
