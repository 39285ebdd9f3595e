//go:build platform

package vault

import (
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vault/policies"
)

func TestRealWrites(t *testing.T) {
	r := start(t)
	ctx := t.Context()
	root, _ := r.lead(t, Seal{Type: shamir, Shares: 1, Threshold: 1})
	r.mount(t, root, "smtp")
	sys := root.api.Sys()
	if err := sys.MountWithContext(ctx, "transit", &api.MountInput{Type: "transit"}); err != nil {
		t.Fatal(err)
	}
	if _, err := root.api.Logical().WriteWithContext(ctx, "transit/keys/smtp", map[string]any{"type": "aes256-gcm96", "derived": true}); err != nil {
		t.Fatal(err)
	}
	// as is a session with the very policy of a step.
	as := func(step string) *Session {
		t.Helper()
		if err := sys.PutPolicyWithContext(ctx, step, policies.All()[step]); err != nil {
			t.Fatal(err)
		}
		made := must(root.api.Auth().Token().CreateWithContext(ctx, &api.TokenCreateRequest{Policies: []string{step}}))
		return must(r.node().with(secret.New(made.Auth.ClientToken), root.Health))
	}
	stage, commit := as("stage-credentials"), as("commit-credentials")
	const admin, pending = "acme/admin", "acme/admin-pending"
	write := func(s *Session, path string, cas int, value string, want bool) {
		t.Helper()
		version, ok, err := s.WriteSecret(ctx, "smtp/", path, cas, map[string]any{"v": value})
		if err != nil || ok != want || ok && version != cas+1 {
			t.Errorf("%s after %d: version %d, %v, %v", path, cas, version, ok, err)
		}
	}

	write(root, admin, 0, "1", true)
	write(stage, pending, 0, "1", true)
	write(stage, pending, 0, "2", false)
	write(stage, pending, 2, "2", false)
	write(commit, admin, 1, "2", true)
	write(commit, admin, 1, "3", false)
	write(commit, admin, 2, "3", true)

	if n, err := commit.DestroyVersions(ctx, "smtp/", admin, 2); n != 2 || err != nil {
		t.Errorf("destroyed %d, %v", n, err)
	}
	if n, err := commit.DestroyVersions(ctx, "smtp/", admin, 2); n != 0 || err != nil {
		t.Errorf("destroyed again %d, %v", n, err)
	}
	for version, gone := range map[int]bool{1: true, 2: true, 3: false, 0: false} {
		if found := must(root.ReadSecret(ctx, "smtp/", admin, version)); found.Gone != gone {
			t.Errorf("version %d: gone %v", version, found.Gone)
		}
	}
	if n, err := commit.DestroyVersions(ctx, "smtp/", pending, 1); n != 1 || err != nil {
		t.Errorf("destroyed %d of the pending one, %v", n, err)
	}
	if found := must(stage.ReadSecret(ctx, "smtp/", pending, 0)); !found.Gone || found.Version != 1 {
		t.Errorf("the pending one: %+v", found)
	}
	write(stage, pending, 0, "2", false) // a destroyed version counts
	write(stage, pending, 1, "2", true)
	if n, err := commit.DestroyVersions(ctx, "smtp/", pending, 1); n != 0 || err != nil {
		t.Errorf("a late call destroyed %d, %v", n, err)
	}
	if found := must(stage.ReadSecret(ctx, "smtp/", pending, 0)); found.Gone {
		t.Error("a late call destroyed what came after it")
	}

	for _, notes := range []map[string]string{{"compromised.v1": "INC-1|mira|then", "other": "x"}, {"compromised.v2": "INC-2|mira|now", "other": ""}} {
		if err := commit.Annotate(ctx, "smtp/", admin, notes); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{"compromised.v1": "INC-1|mira|then", "compromised.v2": "INC-2|mira|now"}
	if notes := must(commit.Annotations(ctx, "smtp/", admin)); !maps.Equal(notes, want) {
		t.Errorf("notes %v, want %v", notes, want)
	}
	write(commit, admin, 3, "4", true)
	if notes := must(commit.Annotations(ctx, "smtp/", admin)); !maps.Equal(notes, want) {
		t.Errorf("notes after a new version %v, want %v", notes, want)
	}
	sealed, err := stage.Encrypt(ctx, secret.New("correct horse"), "acme", "id-1")
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := commit.Decrypt(ctx, sealed); err != nil || opened.Reveal() != "correct horse" {
		t.Errorf("what was encrypted does not open: %v", err)
	}
	for name, other := range map[string]Ciphertext{
		"another tenant": {sealed.Text, "other", "id-1"}, "another credential": {sealed.Text, "acme", "id-2"},
	} {
		_, err := commit.Decrypt(ctx, other)
		wantFault(t, name, err, fault.VaultRefused)
	}

	// What the steps may not.
	_, err = commit.Encrypt(ctx, secret.New("x"), "acme", "id")
	wantFault(t, "commit encrypts", err, fault.VaultRefused)
	_, _, err = stage.WriteSecret(ctx, "smtp/", admin, 4, map[string]any{})
	wantFault(t, "stage writes the current one", err, fault.VaultRefused)
	_, err = stage.DestroyVersions(ctx, "smtp/", pending, 2)
	wantFault(t, "stage destroys", err, fault.VaultRefused)
	_, _, err = commit.WriteSecret(ctx, "smtp/", "nobody/admin", 0, map[string]any{})
	wantFault(t, "commit makes a tenant", err, fault.VaultRefused)
	if err := commit.api.KVv2("smtp").DeleteMetadata(ctx, pending); err == nil {
		t.Error("commit deletes metadata")
	}
	if !slices.Contains(must(root.ListSecrets(ctx, "smtp/")), pending) {
		t.Error("the pending secret is gone")
	}
}
