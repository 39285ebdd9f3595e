package credential_test

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/mailprobe"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

const (
	acme        = "acme"
	adminPath   = acme + "/admin"
	pendingPath = acme + "/admin-pending"
)

// world is Vault, the registry and Mailu in memory. Nothing in it happens at the same time as anything else.
type world struct {
	vault    vaultState
	registry tenant.Tenant
	mailu    string // the password that opens the mailbox
}

func newWorld() *world {
	w := &world{mailu: "first", vault: vaultState{}}
	w.registry.ID, w.registry.CredentialID, w.registry.Hostname = acme, "id-first", "mail.acme.example"
	w.registry.Domains, w.registry.HostKey = []string{"acme.example"}, "ssh-ed25519 AAAA"
	w.registry.VPS = tenant.VPS{ID: "4711", IP: netip.MustParseAddr("192.0.2.7")}
	w.vault.write(adminPath, 0, map[string]any{
		"username": "Admin@acme.example", "password": seal("first", acme, "id-first"), "credential_id": "id-first",
		"webmail_url": "https://mail.acme.example/webmail", "created_at": "2026-01-01T00:00:00Z", "rotation_policy": "180d",
	})
	return w
}

// vaultState is a KV v2 mount: by path, its versions.
type vaultState map[string]kv

type kv struct {
	versions []map[string]any // from version 1; nil for one that is destroyed
	notes    map[string]string
}

func (v vaultState) clone() vaultState {
	out := vaultState{}
	for path, s := range v { // neither versions nor notes are ever changed, but replaced
		out[path] = s
	}
	return out
}

func (v vaultState) write(path string, cas int, data map[string]any) bool {
	s := v[path]
	if len(s.versions) != cas {
		return false
	}
	s.versions = append(slices.Clip(s.versions), maps.Clone(data)) // a snapshot may share what it grows from
	v[path] = s
	return true
}

func (v vaultState) read(path string) *vault.Secret {
	s := v[path]
	if len(s.versions) == 0 {
		return nil
	}
	data := s.versions[len(s.versions)-1]
	return &vault.Secret{Data: data, Version: len(s.versions), Gone: data == nil}
}

func (v vaultState) destroy(path string, last int) (destroyed int) {
	s := v[path]
	s.versions = slices.Clone(s.versions)
	for i := range s.versions {
		if i < last && s.versions[i] != nil {
			s.versions[i] = nil
			destroyed++
		}
	}
	v[path] = s
	return destroyed
}

// readable are the passwords that anybody with Vault's permission could still read.
func (v vaultState) readable() (passwords []string) {
	for _, s := range v {
		for _, data := range s.versions {
			if data != nil {
				passwords = append(passwords, unseal(data))
			}
		}
	}
	return passwords
}

// Transit in memory: what is sealed names its tenant and its credential.
func seal(password, tenantID, id string) string {
	return "vault:v1:" + password + "|" + tenantID + "|" + id
}

func unseal(data map[string]any) string {
	text, _ := data["password"].(string)
	password, _, _ := strings.Cut(strings.TrimPrefix(text, "vault:v1:"), "|")
	return password
}

// current is the password that Vault holds.
func (w *world) current() string { return unseal(w.vault.read(adminPath).Data) }

// pending is the password that may become the current one; none where there is no valid one.
func (w *world) pending() string {
	admin, waits := w.vault.read(adminPath), w.vault.read(pendingPath)
	if waits == nil || waits.Gone || waits.Data["based_on_version"] != strconv.Itoa(admin.Version) {
		return ""
	}
	if named := w.registry.CredentialID; named != waits.Data["replaces"] && named != admin.Data["credential_id"] {
		return ""
	}
	return unseal(waits.Data)
}

// client is one run's access to the world: every call goes through op, which decides what becomes of it.
type client struct {
	*world
	op func(call call, effect func()) error
}

// call is what op is asked about.
type call struct {
	what   string
	writes bool
	fails  fault.Name // what an answer that does not come is named
	vault  bool
	mailu  string // the password that the call gives to Mailu
	login  bool
}

// login is a new one to Vault: none outlives a restore.
func (c client) login() error {
	return c.op(call{what: logInToVault, fails: fault.VaultUnreachable}, func() {})
}

func (c client) ReadSecret(_ context.Context, _, path string, _ int) (found *vault.Secret, err error) {
	err = c.op(call{what: "read " + path, fails: fault.VaultUnreachable, vault: true}, func() { found = c.vault.read(path) })
	return found, err
}

func (c client) WriteSecret(_ context.Context, _, path string, cas int, data map[string]any) (version int, ok bool, err error) {
	err = c.op(call{what: "write " + path, writes: true, fails: fault.VaultUnreachable, vault: true}, func() { ok = c.vault.write(path, cas, data) })
	return cas + 1, ok, err
}

func (c client) DestroyVersions(_ context.Context, _, path string, last int) (destroyed int, err error) {
	err = c.op(call{what: "destroy " + path, writes: true, fails: fault.VaultUnreachable, vault: true}, func() { destroyed = c.vault.destroy(path, last) })
	return destroyed, err
}

func (c client) Annotations(_ context.Context, _, path string) (notes map[string]string, err error) {
	err = c.op(call{what: "read notes", fails: fault.VaultUnreachable, vault: true}, func() { notes = c.vault[path].notes })
	return notes, err
}

func (c client) Annotate(_ context.Context, _, path string, notes map[string]string) error {
	return c.op(call{what: "annotate", writes: true, fails: fault.VaultUnreachable, vault: true}, func() {
		s := c.vault[path]
		s.notes = maps.Clone(s.notes)
		if s.notes == nil {
			s.notes = map[string]string{}
		}
		for key, value := range notes {
			s.notes[key] = value
			if value == "" {
				delete(s.notes, key)
			}
		}
		c.vault[path] = s
	})
}

// Encrypt and Decrypt touch nothing that another run could see, so that nothing happens in between.
func (c client) Encrypt(_ context.Context, password secret.String, tenantID, id string) (vault.Ciphertext, error) {
	return vault.Ciphertext{Text: seal(password.Reveal(), tenantID, id), TenantID: tenantID, CredentialID: id}, nil
}

func (c client) Decrypt(_ context.Context, t vault.Ciphertext) (secret.String, error) {
	password := unseal(map[string]any{"password": t.Text})
	if password == "" || t.Text != seal(password, t.TenantID, t.CredentialID) {
		return secret.String{}, fault.VaultRefused.Errorf("decrypt")
	}
	return secret.New(password), nil
}

func (c client) Find(context.Context, string) (t tenant.Tenant, err error) {
	err = c.op(call{what: "find tenant", fails: fault.AWSUnavailable}, func() { t = c.registry })
	return t, err
}

func (c client) SetCredential(_ context.Context, r tenant.Rotation) error {
	stale := false
	err := c.op(call{what: "set the registry's credential", writes: true, fails: fault.AWSUnavailable}, func() {
		switch c.registry.CredentialID {
		case r.To:
		case r.From:
			c.world.registry.CredentialID = r.To
		default:
			stale = true
		}
	})
	if err == nil && stale {
		err = fault.CredentialStale.Tellf("%s", r.TenantID)
	}
	return err
}

func (c client) NoteStale(_ context.Context, _ string, since time.Time) error {
	return c.op(call{what: "note that the server is in doubt", writes: true, fails: fault.AWSUnavailable}, func() { c.world.registry.StaleSince = since })
}

func (c client) Has(_ context.Context, username string, password secret.String) (has bool, err error) {
	err = c.op(call{what: lookAtHash, fails: fault.MailuUnavailable}, func() { has = c.mailu == password.Reveal() })
	return has && username == "admin@acme.example", err
}

// Install does what mailu.EnsureAdmin does of a user that is there: look, change, look.
func (c client) Install(_ context.Context, credential mailu.Credential) (changed bool, err error) {
	password := credential.Password.Reveal()
	has := false
	look := func() error {
		return c.op(call{what: readUser, fails: fault.MailuUnavailable}, func() { has = c.mailu == password })
	}
	if err := look(); err != nil || has {
		return false, err
	}
	patch := call{what: "change the password", writes: true, fails: fault.MailuUnavailable, mailu: password}
	if err := c.op(patch, func() { c.world.mailu = password }); err != nil {
		return false, err
	}
	if err := look(); err != nil || has {
		return true, err
	}
	return true, fault.MailuRefused.Tellf("Mailu does not have it")
}

func (client) Through() mailu.Through { return mailu.ThroughAPI }

func (c client) Logins(_ context.Context, _ mailprobe.Target, with mailprobe.Credential) (out mailprobe.Logins, err error) {
	out = mailprobe.Logins{IMAPS: mailprobe.Refused, Submission: mailprobe.Refused}
	err = c.op(call{what: "log in", fails: fault.ServerUnreachable, login: true}, func() {
		if c.mailu == with.Password.Reveal() {
			out = mailprobe.Logins{IMAPS: mailprobe.Accepted, Submission: mailprobe.Accepted}
		}
	})
	return out, err
}

func (client) State(context.Context, string) (string, error) { return "running", nil }
func (client) Running(context.Context, string) (bool, error) { return false, nil }
