package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

var (
	captured = at("2026-11-24T02:00:31Z")
	before   = captured.Add(-time.Hour)
	during   = captured.Add(time.Second)
)

// memory is a Vault in memory, by mount and path.
type memory struct {
	secrets map[string]map[string]*vault.Secret
	// fail answers "smtp/a/admin", "Mounts", "List smtp/" or "Decrypt tenant" with the error.
	fail map[string]error
}

func (m *memory) Mounts(context.Context) (map[string]string, error) {
	return map[string]string{"smtp/": "kv-v2", "vps/": "kv-v2", "transit/": "transit", "old/": "kv-v1"}, m.fail["Mounts"]
}

func (m *memory) ListSecrets(_ context.Context, mount string) ([]string, error) {
	if !strings.HasPrefix(mount, "smtp") && !strings.HasPrefix(mount, "vps") {
		return nil, fmt.Errorf("%s is no KV v2 mount", mount)
	}
	return slices.Sorted(maps.Keys(m.secrets[mount])), m.fail["List "+mount]
}

func (m *memory) ReadSecret(_ context.Context, mount, path string, version int) (*vault.Secret, error) {
	if version != 0 {
		return nil, fmt.Errorf("version %d was asked for", version)
	}
	return m.secrets[mount][path], m.fail[mount+path]
}

// sealText is the memory's own transit: the text names what opens it.
func sealText(tenant, credentialID, password string) string {
	return "vault:v1:" + tenant + "|" + credentialID + "|" + password
}

func (m *memory) Decrypt(_ context.Context, c vault.Ciphertext) (secret.String, error) {
	if err := m.fail["Decrypt "+c.TenantID]; err != nil {
		return secret.String{}, err
	}
	password, ok := strings.CutPrefix(c.Text, sealText(c.TenantID, c.CredentialID, ""))
	if !ok {
		return secret.String{}, fault.VaultRefused.Errorf("cipher: message authentication failed")
	}
	return secret.New(password), nil
}

func mail(tenant string, version int, password string) *vault.Secret {
	id := fmt.Sprintf("id-%d", version)
	return &vault.Secret{Version: version, CreatedTime: before, Data: map[string]any{
		"username": tenant, "credential_id": id, "password": sealText(tenant, id, password),
	}}
}

func key(version int) *vault.Secret {
	return &vault.Secret{Version: version, CreatedTime: before, Data: map[string]any{"key": "never-to-be-seen"}}
}

// restored is a Vault that is exactly what its inventory says, and that inventory.
func restored(t *testing.T) (*memory, inventory.Inventory) {
	t.Helper()
	m := &memory{fail: map[string]error{}, secrets: map[string]map[string]*vault.Secret{
		"smtp/": {
			"test/admin": mail("test", 1, "p-never-to-be-seen"), "a/admin": mail("a", 7, "p-never-to-be-seen"),
			"a/admin-pending": mail("a", 2, "p-never-to-be-seen"), "b/admin": {Version: 2, CreatedTime: before, Gone: true},
		},
		"vps/": {"a/admin_ssh": key(3), "b/admin_ssh": key(1)},
	}}
	head := inventory.Head{CaptureID: "c", ClusterID: "k", CapturedAt: captured, Salt: strings.Repeat("ab", 32)}
	inv := inventory.Inventory{Head: head}
	for _, mount := range []string{"smtp/", "vps/"} {
		for _, path := range slices.Sorted(maps.Keys(m.secrets[mount])) {
			s := m.secrets[mount][path]
			line := inventory.Secret{Mount: mount, Path: path, Version: s.Version, CreatedTime: s.CreatedTime, Gone: s.Gone}
			if !s.Gone {
				var err error
				if line.Fingerprint, err = head.Fingerprint(s.Data); err != nil {
					t.Fatal(err)
				}
			}
			inv.Secrets = append(inv.Secrets, line)
		}
	}
	return m, inv
}

func TestProve(t *testing.T) {
	m, inv := restored(t)
	got, err := prove(t.Context(), m, inv, "test")
	if want := (Proof{SecretsVerified: 6, PasswordsDecrypted: 3}); err != nil || got != want {
		t.Errorf("prove = %+v, %v, want %+v", got, err, want)
	}
}

func TestProveFindsEveryDifference(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*memory)
		path   string
		how    string
	}{
		"missing":        {func(m *memory) { delete(m.secrets["vps/"], "a/admin_ssh") }, "vps/a/admin_ssh", "missing"},
		"older":          {func(m *memory) { m.secrets["vps/"]["a/admin_ssh"].Version = 2 }, "vps/a/admin_ssh", "version 2 instead of 3"},
		"newer":          {func(m *memory) { m.secrets["vps/"]["a/admin_ssh"].Version = 4 }, "vps/a/admin_ssh", "version 4 instead of 3"},
		"other content":  {func(m *memory) { m.secrets["vps/"]["a/admin_ssh"].Data["key"] = "x" }, "vps/a/admin_ssh", "other content"},
		"one field more": {func(m *memory) { m.secrets["vps/"]["a/admin_ssh"].Data["more"] = "" }, "vps/a/admin_ssh", "other content"},
		"not JSON":       {func(m *memory) { m.secrets["vps/"]["a/admin_ssh"].Data["more"] = func() {} }, "vps/a/admin_ssh", "other content"},
		"deleted": {func(m *memory) {
			m.secrets["vps/"]["a/admin_ssh"] = &vault.Secret{Version: 3, CreatedTime: before, Gone: true}
		}, "vps/a/admin_ssh", "deleted"},
		"unreadable":       {func(m *memory) { m.fail["vps/a/admin_ssh"] = fault.VaultRefused.Errorf("permission denied") }, "vps/a/admin_ssh", "unreadable"},
		"does not decrypt": {func(m *memory) { m.fail["Decrypt a"] = fault.VaultRefused.Errorf("cipher") }, "smtp/a/admin", "its password does not decrypt"},
	} {
		m, inv := restored(t)
		tt.change(m)
		_, err := prove(t.Context(), m, inv, "test")
		wantFault(t, name, err, fault.SecretsDiffer)
		want := fmt.Sprintf("1 of 6: %s (%s)", tt.path, tt.how)
		if name == "does not decrypt" { // the pending one is the tenant's, too
			want = "2 of 6: smtp/a/admin (" + tt.how + "), smtp/a/admin-pending (" + tt.how + ")"
		}
		if err != nil && public(err) != want {
			t.Errorf("%s: told %q, want %q", name, public(err), want)
		}
	}
}

// A password may be right in every byte and still not open: the key is another.
func TestProveOpensThePasswords(t *testing.T) {
	for name, data := range map[string]map[string]any{
		"of another tenant":     {"credential_id": "id-7", "password": sealText("b", "id-7", "p-never-to-be-seen")},
		"of another credential": {"credential_id": "id-7", "password": sealText("a", "id-6", "p-never-to-be-seen")},
		"empty":                 {"credential_id": "id-7", "password": sealText("a", "id-7", "")},
		"no password":           {"credential_id": "id-7"},
		"a number":              {"credential_id": "id-7", "password": 7},
	} {
		m, inv := restored(t)
		m.secrets["smtp/"]["a/admin"].Data = data
		for i, s := range inv.Secrets {
			if s.Path == "a/admin" {
				inv.Secrets[i].Fingerprint, _ = inv.Fingerprint(data)
			}
		}
		_, err := prove(t.Context(), m, inv, "test")
		wantFault(t, name, err, fault.SecretsDiffer)
		if want := "1 of 6: smtp/a/admin (its password does not decrypt)"; err != nil && public(err) != want {
			t.Errorf("%s: told %q, want %q", name, public(err), want)
		}
	}
}

func TestProveTriesTheTestTenantFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*memory)
		told   string
	}{
		"missing":          {func(m *memory) { delete(m.secrets["smtp/"], "test/admin") }, "the test tenant's smtp/test/admin is not there"},
		"deleted":          {func(m *memory) { m.secrets["smtp/"]["test/admin"].Gone = true }, "the test tenant's smtp/test/admin is not there"},
		"does not decrypt": {func(m *memory) { m.secrets["smtp/"]["test/admin"].Data["password"] = "x" }, "the password of smtp/test/admin does not decrypt"},
	} {
		m, inv := restored(t)
		tt.change(m)
		m.fail["vps/a/admin_ssh"] = errors.New("must not be read")
		_, err := prove(t.Context(), m, inv, "test")
		wantFault(t, name, err, fault.SecretsDiffer)
		if err != nil && public(err) != tt.told {
			t.Errorf("%s: told %q, want %q", name, public(err), tt.told)
		}
	}
}

// The inventory was taken after the snapshot: what Vault stamped while the capture ran may differ, and is counted apart,
// once. What the snapshot holds of it must open all the same.
func TestProveCountsWhatWasWrittenDuringTheCapture(t *testing.T) {
	m, inv := restored(t)
	line := func(mount, path string) *inventory.Secret {
		for i, s := range inv.Secrets {
			if s.Mount == mount && s.Path == path {
				return &inv.Secrets[i]
			}
		}
		t.Fatalf("no %s%s", mount, path)
		return nil
	}
	rotated := line("smtp/", "a/admin") // the snapshot holds the version before
	rotated.Version, rotated.CreatedTime, rotated.Fingerprint = 8, during, "of version 8"
	made := line("vps/", "a/admin_ssh") // the very second counts as during
	made.CreatedTime = captured
	delete(m.secrets["vps/"], "a/admin_ssh")
	anew := line("smtp/", "a/admin-pending") // its metadata was deleted, and it was made again
	anew.Version, anew.CreatedTime = 1, during
	deleted := line("vps/", "b/admin_ssh")
	deleted.Gone, deleted.Fingerprint = true, ""
	m.secrets["vps/"]["new/admin_ssh"] = &vault.Secret{Version: 1, CreatedTime: during}
	got, err := prove(t.Context(), m, inv, "test")
	if want := (Proof{SecretsVerified: 2, PasswordsDecrypted: 3, WrittenDuringCapture: 5}); err != nil || got != want {
		t.Errorf("prove = %+v, %v, want %+v", got, err, want)
	}

	m.secrets["smtp/"]["a/admin"].Data["password"] = "vault:v1:something else"
	_, err = prove(t.Context(), m, inv, "test")
	wantFault(t, "written during the capture, and does not open", err, fault.SecretsDiffer)

	m, inv = restored(t)
	line("vps/", "a/admin_ssh").CreatedTime = captured.Add(-time.Nanosecond)
	delete(m.secrets["vps/"], "a/admin_ssh")
	_, err = prove(t.Context(), m, inv, "test")
	wantFault(t, "older than the capture, and missing", err, fault.SecretsDiffer)
}

func TestProveCountsExtras(t *testing.T) {
	m, inv := restored(t)
	m.secrets["vps/"]["old/admin_ssh"] = key(1)
	m.secrets["vps/"]["gone/admin_ssh"] = &vault.Secret{Version: 1, CreatedTime: before, Gone: true}
	m.secrets["vps/"]["vanished"] = nil
	m.secrets["smtp/"]["old/admin"] = &vault.Secret{Version: 1, CreatedTime: before, Data: map[string]any{"password": "not ours to open"}}
	got, err := prove(t.Context(), m, inv, "test")
	if want := (Proof{SecretsVerified: 6, PasswordsDecrypted: 3, UnexpectedExtras: 3}); err != nil || got != want {
		t.Errorf("prove = %+v, %v, want %+v", got, err, want)
	}
}

// A Vault that cannot be asked is not one that differs.
func TestProveKeepsOtherFaults(t *testing.T) {
	for _, call := range []string{"smtp/test/admin", "smtp/a/admin", "vps/b/admin_ssh", "Decrypt test", "Decrypt a", "Mounts", "List vps/", "vps/new/admin_ssh"} {
		for _, name := range []fault.Name{fault.VaultUnreachable, fault.VaultSealed, fault.NoLeader} {
			m, inv := restored(t)
			m.secrets["vps/"]["new/admin_ssh"] = key(1)
			m.fail[call] = name.Errorf("away")
			delete(m.secrets["vps/"], "a/admin_ssh") // a difference beside it does not hide it
			got, err := prove(t.Context(), m, inv, "test")
			wantFault(t, call, err, name)
			if got != (Proof{}) {
				t.Errorf("%s: half a proof %+v", call, got)
			}
		}
	}
}

func TestProveNamesAtMostTwenty(t *testing.T) {
	for missing, more := range map[int]string{maxNamed - 1: "", maxNamed: "", maxNamed + 1: ", …", 300: ", …"} {
		m, inv := restored(t)
		for i := range missing {
			inv.Secrets = append(inv.Secrets, inventory.Secret{Mount: "vps/", Path: fmt.Sprintf("%03d", i), Version: 1, Fingerprint: "x"})
		}
		_, err := prove(t.Context(), m, inv, "test")
		wantFault(t, "missing", err, fault.SecretsDiffer)
		var names []string
		for i := range min(missing, maxNamed) {
			names = append(names, fmt.Sprintf("vps/%03d (missing)", i))
		}
		if want := fmt.Sprintf("%d of %d: %s%s", missing, missing+6, strings.Join(names, ", "), more); public(err) != want {
			t.Errorf("told %q, want %q", public(err), want)
		}
	}
}
