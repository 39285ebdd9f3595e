package mailu

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote/remotetest"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

var now = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

var execution = task.Execution{
	ARN: "arn:aws:states:eu-central-1:123456789012:execution:vps-recovery:1", StartedAt: now, State: "ConfigureMailu",
}

const credentialID = "5b1f0c8e"

var tenant = Tenant{
	ID: "tenant-1", Hostname: "mail.tenant.example.org", Domains: []string{"tenant.example.org"}, CredentialID: credentialID,
}

// vaultOf is a Vault in memory: secrets by mount and path. Its transit adds "sealed:".
type vaultOf map[string]map[string]any

func (v vaultOf) ReadSecret(_ context.Context, mount, path string, _ int) (*vault.Secret, error) {
	data, there := v[mount+path]
	if !there {
		return nil, nil
	}
	return &vault.Secret{Data: data, Version: 1, CreatedTime: now, Gone: data == nil}, nil
}

func (v vaultOf) Decrypt(_ context.Context, c vault.Ciphertext) (secret.String, error) {
	text, ok := strings.CutPrefix(c.Text, "sealed:")
	if !ok || c.TenantID != tenant.ID || c.CredentialID != credentialID {
		return secret.String{}, fault.VaultRefused.Errorf("decrypt")
	}
	return secret.New(text), nil
}

func (v vaultOf) login(context.Context) (Secrets, func(), error) { return v, func() {}, nil }

// world is a Vault, a server, and the recorded Mailu behind it.
type world struct {
	vault  vaultOf
	server *remotetest.Server
	api    *api
}

func newWorld(t *testing.T) *world {
	w := &world{server: remotetest.Start(t), api: startAPI(t)}
	w.server.Forward(apiAddress, w.api.Listener.Addr().String())
	chain, key := certificate(t, tenant.Hostname, now.Add(time.Hour))
	w.vault = vaultOf{
		"smtp/tenant-1/admin": {
			"username": "Bob@tenant.example.org", "password": "sealed:" + password, "credential_id": credentialID,
			"webmail_url": "https://mail.tenant.example.org/webmail",
		},
		"vps/tenant-1/admin_ssh":       {"private_key": w.server.Key.Reveal()},
		"vps/tenant-1/mailu_api":       {"token": apiTokenText},
		"vps/tenant-1/tls":             {"certificate": chain, "private_key": key},
		"dkim/tenant.example.org/dkim": {"private_key": "PLANTED DKIM KEY"},
	}
	w.server.On(restartSSH, w.server.Reload)
	w.server.On(composeUp, func(io.Reader, io.Writer, io.Writer) int { return 0 })
	return w
}

func (w *world) at() Server { return Server{Address: w.server.Address, HostKey: w.server.HostKey} }

func (w *world) configure(t *testing.T, bootstrap bool) (Configured, error) {
	t.Helper()
	in := ConfigureInput{Tenant: tenant, Server: w.at(), Bootstrap: bootstrap, Execution: execution}
	if err := in.Validate(); err != nil {
		t.Fatal(err)
	}
	return Configurer{Login: w.vault.login, Now: func() time.Time { return now }}.Configure(t.Context(), in)
}

// prepared lays down what the user-data leaves when it is through.
func (w *world) prepared(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.server.Path(PreparedMarker)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.server.Path(PreparedMarker), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func otherKey(t *testing.T) string {
	_, public := remotetest.NewKey(t)
	return public
}

// certificate makes a self-signed one.
func certificate(t *testing.T, host string, until time.Time) (chain, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotBefore: until.Add(-time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", pkcs8)
}
