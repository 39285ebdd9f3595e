package mailu

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"strings"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// Secrets is what a step reads of Vault. *vault.Session is one.
type Secrets interface {
	ReadSecret(ctx context.Context, mount, path string, version int) (*vault.Secret, error)
	Decrypt(context.Context, vault.Ciphertext) (secret.String, error)
}

// Login opens Vault for one step; the returned function gives the login back.
type Login func(context.Context) (Secrets, func(), error)

// LoginTo logs in to a cluster with the role of the step.
func LoginTo(cluster *vault.Cluster, identity vault.Identity) Login {
	return func(ctx context.Context) (Secrets, func(), error) {
		session, err := cluster.Login(ctx, identity)
		if err != nil {
			return nil, nil, err
		}
		return session, func() { session.Logout(context.WithoutCancel(ctx)) }, nil
	}
}

// Credential is a tenant's administrator, as smtp/{tenant_id}/admin holds it.
type Credential struct {
	// Username is the address, in lower case: Mailu finds no other.
	Username   string
	Password   secret.String
	WebmailURL string
}

// ReadCredential reads a tenant's credential. One that is not there, is incomplete or does not decrypt is
// CredentialMissing. One whose id is not the registry's is CredentialStale, before its password is opened: a Vault that
// came back from a backup may hold a password that has leaked since.
func ReadCredential(ctx context.Context, s Secrets, tenantID, credentialID string) (Credential, error) {
	path := tenantID + "/admin"
	data, err := read(ctx, s, "smtp/", path)
	if err != nil {
		return Credential{}, err
	}
	text := fields(data)
	switch {
	case text["credential_id"] != credentialID || credentialID == "":
		return Credential{}, fault.CredentialStale.Tellf("smtp/%s", path)
	case text["username"] == "" || text["password"] == "" || text["webmail_url"] == "":
		return Credential{}, fault.CredentialMissing.Tellf("smtp/%s is incomplete", path)
	}
	password, err := s.Decrypt(ctx, vault.Ciphertext{Text: text["password"], TenantID: tenantID, CredentialID: credentialID})
	switch {
	case fault.Is(err, fault.VaultRefused) || err == nil && password.Empty():
		return Credential{}, fault.CredentialMissing.Tellf("the password of smtp/%s does not decrypt", path)
	case err != nil:
		return Credential{}, err
	}
	return Credential{strings.ToLower(text["username"]), password, text["webmail_url"]}, nil
}

// readText reads one field of a secret; one that is not there is CredentialMissing.
func readText(ctx context.Context, s Secrets, mount, path, field string) (secret.String, error) {
	data, err := read(ctx, s, mount, path)
	if err != nil {
		return secret.String{}, err
	}
	text := fields(data)[field]
	if text == "" {
		return secret.String{}, fault.CredentialMissing.Tellf("%s%s has no %s", mount, path, field)
	}
	return secret.New(text), nil
}

func read(ctx context.Context, s Secrets, mount, path string) (map[string]any, error) {
	found, err := s.ReadSecret(ctx, mount, path, 0)
	if err != nil {
		return nil, err
	}
	if found == nil || found.Gone {
		return nil, fault.CredentialMissing.Tellf("%s%s is not there", mount, path)
	}
	return found.Data, nil
}

// fields are the texts among a secret's data.
func fields(data map[string]any) map[string]string {
	text := map[string]string{}
	for name, value := range data {
		text[name], _ = value.(string)
	}
	return text
}

// The secrets of one server and its domains.
func sshKey(ctx context.Context, s Secrets, tenantID string) (secret.String, error) {
	return readText(ctx, s, "vps/", tenantID+"/admin_ssh", "private_key")
}

func apiToken(ctx context.Context, s Secrets, tenantID string) (secret.String, error) {
	return readText(ctx, s, "vps/", tenantID+"/mailu_api", "token")
}

func dkimKey(ctx context.Context, s Secrets, domain string) (secret.String, error) {
	return readText(ctx, s, "dkim/", domain+"/"+Selector, "private_key")
}

// readPair reads the server's certificate, vps/{tenant_id}/tls {certificate, private_key}; nil where Vault has none. One
// that a client would not accept for host is CredentialMissing: with it the server would only fail later.
func readPair(ctx context.Context, s Secrets, tenantID, host string, now time.Time) (*Pair, error) {
	path := tenantID + "/tls"
	found, err := s.ReadSecret(ctx, "vps/", path, 0)
	if err != nil || found == nil || found.Gone {
		return nil, err
	}
	text := fields(found.Data)
	loaded, err := tls.X509KeyPair([]byte(text["certificate"]), []byte(text["private_key"]))
	switch {
	case err != nil: // it may quote the key
		return nil, fault.CredentialMissing.Tellf("vps/%s is no certificate with its key", path)
	case loaded.Leaf.VerifyHostname(host) != nil:
		return nil, fault.CredentialMissing.Tellf("the certificate of vps/%s is not for %s", path, host)
	case now.After(loaded.Leaf.NotAfter):
		return nil, fault.CredentialMissing.Tellf("the certificate of vps/%s has expired", path)
	}
	return &Pair{text["certificate"], secret.New(text["private_key"])}, nil
}

// derive makes a secret of n characters, of those that mailu.env allows, from the server's API token: whoever holds
// that owns the server already, and a second run writes the same files.
func derive(token secret.String, use string, n int) (secret.String, error) {
	raw, err := hkdf.Key(sha256.New, []byte(token.Reveal()), nil, "PMDR/1 mailu "+use, n)
	if err != nil {
		return secret.String{}, fault.Unexpected.Errorf("derive the %s: %w", use, err)
	}
	return secret.New(base64.RawURLEncoding.EncodeToString(raw)[:n]), nil
}
