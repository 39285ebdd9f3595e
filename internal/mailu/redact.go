package mailu

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/url"
	"regexp"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// Redactor takes a tenant's password out of what people or detectors write about its leak.
type Redactor struct{ Login Login }

// What stands in the place of a password, and of a text that could not be looked through.
const (
	redacted = "[redacted]"
	Withheld = "[withheld: it could not be held against the tenant's password; the execution's own input has it]"
)

// Redact gives the text without the administrator's password, the current one and one that a run which died left pending,
// as it is or in base64, hex or percent encoding, also amid other encoded text. It never fails: a text that cannot be held
// against the password is withheld, for nothing may hold a rotation up.
func (r Redactor) Redact(ctx context.Context, tenantID, text string) string {
	if text == "" {
		return ""
	}
	passwords, err := r.passwords(ctx, tenantID)
	if err != nil {
		slog.WarnContext(ctx, "the details are withheld", "error", err.Error())
		return Withheld
	}
	for _, p := range passwords {
		text = without(text, p)
	}
	return text
}

// passwords are those that may have leaked. Of a restored or half rotated Vault too: which credential the registry names
// does not matter here.
func (r Redactor) passwords(ctx context.Context, tenantID string) ([]string, error) {
	secrets, logout, err := r.Login(ctx)
	if err != nil {
		return nil, err
	}
	defer logout()
	var found []string
	for _, path := range []string{tenantID + "/admin", tenantID + "/admin-pending"} {
		data, err := read(ctx, secrets, "smtp/", path)
		if fault.Is(err, fault.CredentialMissing) && path != tenantID+"/admin" {
			continue
		}
		if err != nil {
			return nil, err
		}
		text := fields(data)
		password, err := secrets.Decrypt(ctx, vault.Ciphertext{Text: text["password"], TenantID: tenantID, CredentialID: text["credential_id"]})
		if err != nil {
			return nil, err
		}
		if password.Empty() {
			return nil, fault.CredentialMissing.Errorf("smtp/%s holds an empty password", path)
		}
		found = append(found, password.Reveal())
	}
	return found, nil
}

// encoded is a word that may be base64 or hex.
var encoded = regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}`)

func without(text, password string) string {
	for _, form := range []string{password, url.QueryEscape(password), url.PathEscape(password)} {
		text = strings.ReplaceAll(text, form, redacted)
	}
	return encoded.ReplaceAllStringFunc(text, func(word string) string {
		for _, decode := range []func(string) ([]byte, error){
			base64.RawStdEncoding.DecodeString, base64.RawURLEncoding.DecodeString, hex.DecodeString,
		} {
			if plain, err := decode(word); err == nil && strings.Contains(string(plain), password) {
				return redacted
			}
		}
		return word
	})
}
