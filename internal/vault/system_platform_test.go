//go:build platform

package vault

import (
	"encoding/base64"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

func TestRealSystemAndTransit(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	s, _ := r.lead(t, Seal{Type: shamir, Shares: 1, Threshold: 1})
	sys := s.api.Sys()
	if devices := must(s.AuditDevices(ctx)); len(devices) != 0 {
		t.Errorf("audit devices %q", devices)
	}
	for what, err := range map[string]error{
		"kv v1":   sys.MountWithContext(ctx, "old", &api.MountInput{Type: "kv"}),
		"kv v2":   sys.MountWithContext(ctx, "smtp", &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}),
		"transit": sys.MountWithContext(ctx, "transit", &api.MountInput{Type: "transit"}),
		"approle": sys.EnableAuthWithOptionsWithContext(ctx, "approle", &api.EnableAuthOptions{Type: "approle"}),
		"aws":     sys.EnableAuthWithOptionsWithContext(ctx, "aws", &api.EnableAuthOptions{Type: "aws"}),
		"policy":  sys.PutPolicyWithContext(ctx, "one", `path "smtp/*" { capabilities = ["read"] }`),
		"audit": sys.EnableAuditWithOptionsWithContext(ctx, "file",
			&api.EnableAuditOptions{Type: "file", Options: map[string]string{"file_path": filepath.Join(t.TempDir(), "audit.log")}}),
	} {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	mounts := must(s.Mounts(ctx))
	if mounts["old/"] != "kv-v1" || mounts["smtp/"] != "kv-v2" || mounts["transit/"] != "transit" {
		t.Errorf("mounts %v", mounts)
	}
	if methods := must(s.AuthMethods(ctx)); methods["approle/"] != "approle" || methods["aws/"] != "aws" || methods["token/"] != "token" {
		t.Errorf("methods %v", methods)
	}
	for method, role := range map[string]map[string]any{
		"aws/":     {"auth_type": "iam", "bound_iam_principal_arn": "arn:aws:iam::123456789012:role/x", "resolve_aws_unique_ids": false},
		"approle/": {},
	} {
		if roles := must(s.AuthRoles(ctx, method)); len(roles) != 0 {
			t.Errorf("%s has roles %q", method, roles)
		}
		for _, name := range []string{"two", "one"} {
			if _, err := s.api.Logical().WriteWithContext(ctx, "auth/"+method+"role/"+name, role); err != nil {
				t.Fatal(err)
			}
		}
		if roles := must(s.AuthRoles(ctx, method)); !slices.Equal(roles, []string{"one", "two"}) {
			t.Errorf("%s has roles %q", method, roles)
		}
	}
	policies := must(s.Policies(ctx))
	if !slices.Equal(slices.Sorted(maps.Keys(policies)), []string{"default", "one", "root"}) || policies["one"] == "" {
		t.Errorf("policies %q", policies)
	}
	if devices := must(s.AuditDevices(ctx)); !slices.Equal(devices, []string{"file/"}) {
		t.Errorf("audit devices %q", devices)
	}

	logical := s.api.Logical()
	if _, err := logical.WriteWithContext(ctx, "transit/keys/smtp", map[string]any{"type": "aes256-gcm96", "derived": true}); err != nil {
		t.Fatal(err)
	}
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	made := must(logical.WriteWithContext(ctx, "transit/encrypt/smtp", map[string]any{
		"plaintext": encode("correct horse"), "context": encode("tenant"), "associated_data": encode("id"),
	}))
	right := Ciphertext{Text: made.Data["ciphertext"].(string), TenantID: "tenant", CredentialID: "id"}
	if password, err := s.Decrypt(ctx, right); err != nil || password.Reveal() != "correct horse" {
		t.Errorf("the password does not come back: %v", err)
	}
	for name, c := range map[string]Ciphertext{
		"another tenant":     {right.Text, "tenant2", "id"},
		"another credential": {right.Text, "tenant", "id2"},
		"no credential":      {right.Text, "tenant", ""},
		"changed":            {right.Text[:len(right.Text)-4] + "AAA=", "tenant", "id"},
		"no text":            {"", "tenant", "id"},
		"not transit's":      {"hunter2", "tenant", "id"},
		"no tenant":          {right.Text, "", "id"},
	} {
		if _, err := s.Decrypt(ctx, c); !fault.Is(err, fault.VaultRefused) {
			t.Errorf("%s: Decrypt = %v", name, err)
		}
	}
	if err := sys.UnmountWithContext(ctx, "transit"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Decrypt(ctx, right); !fault.Is(err, fault.VaultRefused) {
		t.Errorf("without transit: Decrypt = %v", err)
	}

	token := must(s.api.Auth().Token().CreateWithContext(ctx, &api.TokenCreateRequest{Policies: []string{"one"}, NoParent: true}))
	reader := must(s.with(secret.New(token.Auth.ClientToken), Health{}))
	if _, err := reader.Mounts(ctx); !fault.Is(err, fault.VaultRefused) {
		t.Errorf("without the policy: Mounts = %v", err)
	}
	reader.Logout(ctx)
	if _, err := s.api.Auth().Token().LookupWithContext(ctx, token.Auth.ClientToken); err == nil {
		t.Error("the token lives after Logout")
	}
	if err := sys.SealWithContext(ctx); err != nil {
		t.Fatal(err)
	}
	r.is(t, Sealed)
	if _, err := s.ReadSecret(ctx, "smtp/", "x", 0); !fault.Is(err, fault.VaultSealed) {
		t.Errorf("sealed: ReadSecret = %v", err)
	}
	if _, err := s.Snapshot(ctx); !fault.Is(err, fault.VaultSealed) {
		t.Errorf("sealed: Snapshot = %v", err)
	}
}
