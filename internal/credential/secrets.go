package credential

import (
	"context"
	"maps"
	"strconv"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// Where a tenant's credentials are in Vault.
const mount = "smtp/"

func adminPath(tenantID string) string   { return tenantID + "/admin" }
func pendingPath(tenantID string) string { return tenantID + "/admin-pending" }

// held is a credential as Vault holds it, its password still sealed.
type held struct {
	data    map[string]any
	id      string
	version int // of its secret; of a pending one also when it is destroyed, and 0 where there never was one
}

func (h held) text(field string) string {
	text, _ := h.data[field].(string)
	return text
}

// open decrypts the password; one that does not is CredentialMissing.
func (h held) open(ctx context.Context, v mailu.Secrets, tenantID string) (secret.String, error) {
	password, err := v.Decrypt(ctx, vault.Ciphertext{Text: h.text("password"), TenantID: tenantID, CredentialID: h.id})
	if fault.Is(err, fault.VaultRefused) || err == nil && password.Empty() {
		return secret.String{}, fault.CredentialMissing.Tellf("a password of smtp/%s does not decrypt", tenantID)
	}
	return password, err
}

// scene is what the steps look at before they act.
type scene struct {
	tenant  tenant.Tenant
	current held
	pending held
}

// look reads the registry last and Vault's current credential after the pending one. So what it takes for outdated is
// outdated: nobody writes over a pending credential that Mailu may have.
func look(ctx context.Context, r Registry, v mailu.Secrets, tenantID string) (s scene, err error) {
	if s.pending, err = read(ctx, v, pendingPath(tenantID)); err != nil {
		return s, err
	}
	if s.current, err = read(ctx, v, adminPath(tenantID)); err != nil {
		return s, err
	}
	if s.current.id == "" || s.username() == "" {
		return s, fault.CredentialMissing.Tellf("smtp/%s is not there, or incomplete", adminPath(tenantID))
	}
	s.tenant, err = r.Find(ctx, tenantID)
	return s, err
}

// find looks for a credential that is committed or may be; RotationOvertaken where it is neither. It looks twice, for what
// it sees is not of one moment.
func find(ctx context.Context, r Registry, v mailu.Secrets, tenantID, id string) (s scene, err error) {
	for range 2 {
		s, err = look(ctx, r, v, tenantID)
		if err != nil || s.committed(id) || s.pending.id == id && s.valid() {
			return s, err
		}
	}
	return s, fault.RotationOvertaken.Tellf("%s: Vault is at version %d", tenantID, s.current.version)
}

func read(ctx context.Context, v mailu.Secrets, path string) (held, error) {
	found, err := v.ReadSecret(ctx, mount, path, 0)
	if err != nil || found == nil {
		return held{}, err
	}
	h := held{data: found.Data, version: found.Version}
	h.id = h.text("credential_id")
	return h, nil
}

// username is in lower case: Mailu finds no other.
func (s scene) username() string { return strings.ToLower(s.current.text("username")) }

// valid reports whether the pending credential may be installed and committed.
func (s scene) valid() bool {
	return s.pending.id != "" && s.pending.text("password") != "" &&
		s.pending.text("based_on_version") == strconv.Itoa(s.current.version) &&
		(s.tenant.CredentialID == s.pending.text("replaces") || s.tenant.CredentialID == s.current.id)
}

// committed reports whether the credential is the current one.
func (s scene) committed(id string) bool { return s.current.id == id }

// staged is a new pending credential, based on what was seen.
func (s scene) staged(sealed vault.Ciphertext, incident string) map[string]any {
	return map[string]any{
		"password": sealed.Text, "credential_id": sealed.CredentialID, "incident_id": incident,
		"based_on_version": strconv.Itoa(s.current.version), "replaces": s.tenant.CredentialID,
	}
}

// renewed is the current credential with the pending one's password.
func (s scene) renewed(at string) map[string]any {
	data := maps.Clone(s.current.data)
	data["password"], data["credential_id"], data["last_rotated"] = s.pending.text("password"), s.pending.id, at
	return data
}
