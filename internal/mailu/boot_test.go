package mailu

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
)

func boot(t *testing.T, s Starter, attempt string) (authorized, hostKey, userData string) {
	t.Helper()
	b, err := s.Boot(t.Context(), tenant.ID, attempt, "4711")
	if err != nil {
		t.Fatal(err)
	}
	return b.AuthorizedKey, b.HostKey, b.UserData.Reveal()
}

func TestBootIsThatOfItsAttempt(t *testing.T) {
	w := newWorld(t)
	s := Starter{Login: w.vault.login}
	authorized, hostKey, userData := boot(t, s, "one")
	if a, h, _ := boot(t, s, "one"); a != authorized || h != hostKey {
		t.Error("the same attempt boots with other keys")
	}
	if a, h, d := boot(t, s, "two"); a != authorized || h == hostKey || d == userData {
		t.Error("another attempt boots with the same host key, or with another login")
	}
	if want, err := remote.PublicLine(w.server.Key); err != nil || authorized != want {
		t.Errorf("may log in: %q, %v; want %q", authorized, err, want)
	}

	var c cloudConfig
	if err := yaml.Unmarshal([]byte(userData), &c); err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(c.HostKeys["ed25519_public"]) != hostKey || c.Users[0].AuthorizedKeys[0] != authorized || !strings.Contains(userData, "HC_Volume_4711") {
		t.Errorf("user-data has the host key %q, the users %v", c.HostKeys["ed25519_public"], c.Users)
	}
}

// The provider reads user-data: no line of the key that logs in may be in it.
func TestBootKeepsTheLoginKey(t *testing.T) {
	w := newWorld(t)
	_, _, userData := boot(t, Starter{Login: w.vault.login}, "one")
	if strings.Count(userData, "BEGIN OPENSSH PRIVATE KEY") != 1 {
		t.Fatal("user-data does not carry one private key, the bootstrap key")
	}
	bootstrap, err := remote.Bootstrap(w.server.Key, "one")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for line := range strings.Lines(w.server.Key.Reveal()) {
		if line = strings.TrimSpace(line); len(line) < 16 || strings.Contains(bootstrap.Private().Reveal(), line) {
			continue // the form's own lines
		}
		looked++
		if strings.Contains(userData, line) {
			t.Error("user-data holds a line of the login key")
		}
	}
	if looked == 0 {
		t.Error("no line of the login key was looked for")
	}
}

func TestBootWithoutAKey(t *testing.T) {
	w := newWorld(t)
	s := Starter{Login: w.vault.login}
	w.vault["vps/tenant-1/admin_ssh"]["private_key"] = "PLANTED KEY"
	_, err := s.Boot(t.Context(), tenant.ID, "one", "")
	if !fault.Is(err, fault.CredentialMissing) || strings.Contains(err.Error(), "PLANTED") {
		t.Errorf("an unusable key: %v", err)
	}
	delete(w.vault, "vps/tenant-1/admin_ssh")
	if _, err := s.Boot(t.Context(), tenant.ID, "one", ""); !fault.Is(err, fault.CredentialMissing) {
		t.Errorf("no key: %v", err)
	}
	if _, err := s.Open(t.Context(), tenant.ID, netip.MustParseAddr("127.0.0.1"), w.server.HostKey); !fault.Is(err, fault.CredentialMissing) {
		t.Errorf("Open without a key: %v", err)
	}
}

// counted is a Vault that counts its logins and how many were given back.
type counted struct {
	Secrets
	in, out int
	refusal error
}

func (c *counted) login(context.Context) (Secrets, func(), error) {
	if c.refusal != nil {
		return nil, nil, c.refusal
	}
	c.in++
	return c.Secrets, func() { c.out++ }, nil
}

func TestLoginsAreGivenBack(t *testing.T) {
	w := newWorld(t)
	c := &counted{Secrets: w.vault}
	_, _, _ = boot(t, Starter{Login: c.login}, "one")
	got, err := Reader{Login: c.login}.Credential(t.Context(), tenant.ID, credentialID)
	if err != nil || got.Username != "bob@tenant.example.org" || got.Password.Reveal() != password || got.WebmailURL == "" {
		t.Errorf("Credential = %+v, %v", got, err)
	}
	if _, err := (Reader{Login: c.login}).Credential(t.Context(), tenant.ID, "older"); !fault.Is(err, fault.CredentialStale) {
		t.Errorf("another credential: %v, want CredentialStale", err)
	}
	if c.in != 3 || c.out != 3 {
		t.Errorf("%d logins, %d given back", c.in, c.out)
	}
	c.refusal = fault.VaultSealed.Errorf("sealed")
	if _, err := (Reader{Login: c.login}).Credential(t.Context(), tenant.ID, credentialID); !fault.Is(err, fault.VaultSealed) {
		t.Errorf("Vault is sealed: %v", err)
	}
	if _, err := (Starter{Login: c.login}).Boot(t.Context(), tenant.ID, "one", ""); !fault.Is(err, fault.VaultSealed) {
		t.Errorf("Vault is sealed: %v", err)
	}
}

// knock opens the world's server; its address carries the test's port.
func (w *world) knock(t *testing.T, hostKey string) (bool, error) {
	t.Helper()
	return Starter{Login: w.vault.login}.open(t.Context(), tenant.ID, Server{Address: w.server.Address, HostKey: hostKey})
}

func TestOpenSeesTheFirstBootOver(t *testing.T) {
	w := newWorld(t)
	if up, err := w.knock(t, w.server.HostKey); up || err != nil {
		t.Errorf("without the marker: %v, %v", up, err)
	}
	w.prepared(t)
	if up, err := w.knock(t, w.server.HostKey); !up || err != nil {
		t.Errorf("with the marker: %v, %v", up, err)
	}
	if up, err := w.knock(t, otherKey(t)); up || !fault.Is(err, fault.HostKeyMismatch) {
		t.Errorf("another host key: %v, %v", up, err)
	}
	if up, err := w.knock(t, "no key"); up || !fault.Is(err, fault.InvalidInput) {
		t.Errorf("no host key: %v, %v", up, err)
	}
}

// A check that is repeated after the host key was replaced finds the successor.
func TestOpenKnowsTheSuccessor(t *testing.T) {
	w := newWorld(t)
	w.prepared(t)
	bootstrap := w.server.HostKey
	if _, err := w.configure(t, true); err != nil {
		t.Fatal(err)
	}
	if up, err := w.knock(t, bootstrap); !up || err != nil {
		t.Errorf("after the replacement: %v, %v", up, err)
	}
}

func TestOpenOfASilentServer(t *testing.T) {
	w := newWorld(t)
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.server.Address = silent.Addr().String()
	_ = silent.Close()
	if up, err := w.knock(t, w.server.HostKey); up || err != nil {
		t.Errorf("nobody listens: %v, %v", up, err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	w.server.Address = listener.Addr().String()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if conn, err := listener.Accept(); err == nil {
			_ = conn.Close() // as a port that forwards to a server that is not there yet
		}
	}()
	if up, err := w.knock(t, w.server.HostKey); up || err != nil {
		t.Errorf("cut off: %v, %v", up, err)
	}
	<-ended
}
