package mailu

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

func leaky(password string) vaultOf {
	return vaultOf{"smtp/tenant-1/admin": {"username": bob, "password": "sealed:" + password, "credential_id": credentialID}}
}

func TestRedactTakesThePasswordOut(t *testing.T) {
	const leaked = "s3cret/with space+plus"
	basic := base64.StdEncoding.EncodeToString([]byte(bob + ":" + leaked))
	for name, quoted := range map[string]string{
		"as it is":          leaked,
		"in a query":        url.QueryEscape(leaked),
		"in a path":         url.PathEscape(leaked),
		"in base64":         base64.StdEncoding.EncodeToString([]byte(leaked)),
		"in base64url":      base64.RawURLEncoding.EncodeToString([]byte("?>" + leaked + "?>")),
		"in a basic header": basic,
		"in hex":            hex.EncodeToString([]byte(leaked)),
		"in capital hex":    strings.ToUpper(hex.EncodeToString([]byte(leaked))),
	} {
		got := Redactor{leaky(leaked).login}.Redact(t.Context(), tenant.ID, "posted at pastebin: "+quoted+" by somebody")
		if strings.Contains(got, quoted) || !strings.HasPrefix(got, "posted at pastebin: ") || !strings.HasSuffix(got, " by somebody") || !strings.Contains(got, redacted) {
			t.Errorf("%s: %q", name, got)
		}
	}
	const harmless = "found at https://example.org/dump/0123456789abcdef, line 7"
	if got := (Redactor{leaky(leaked).login}).Redact(t.Context(), tenant.ID, harmless); got != harmless {
		t.Errorf("a text without it became %q", got)
	}
}

func TestRedactKnowsThePendingPassword(t *testing.T) {
	v := leaky("the current one")
	v["smtp/tenant-1/admin-pending"] = map[string]any{"password": "sealed:the pending one", "credential_id": credentialID}
	got := Redactor{v.login}.Redact(t.Context(), tenant.ID, "the pending one and the current one")
	if got != redacted+" and "+redacted {
		t.Errorf("got %q", got)
	}
	v["smtp/tenant-1/admin-pending"] = nil // its version is destroyed
	if got := (Redactor{v.login}).Redact(t.Context(), tenant.ID, "the current one"); got != redacted {
		t.Errorf("with a pending one that is gone: %q", got)
	}
}

func TestRedactWithholdsWhatItCannotCompare(t *testing.T) {
	sealed := leaky("x")
	sealed["smtp/tenant-1/admin"]["password"] = "of another tenant"
	refused := func(context.Context) (Secrets, func(), error) { return nil, nil, fault.VaultSealed.Errorf("login") }
	for name, login := range map[string]Login{
		"nothing in Vault": vaultOf{}.login, "it does not decrypt": sealed.login, "an empty password": leaky("").login, "no login": refused,
	} {
		if got := (Redactor{login}).Redact(t.Context(), tenant.ID, "s3cret"); got != Withheld {
			t.Errorf("%s: %q", name, got)
		}
		if got := (Redactor{login}).Redact(t.Context(), tenant.ID, ""); got != "" {
			t.Errorf("%s, no details: %q", name, got)
		}
	}
}
