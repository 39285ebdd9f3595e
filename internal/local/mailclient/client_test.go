package mailclient_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/dns/dnstest"
	"github.com/penguinmails/disaster-recovery/internal/local/mailclient"
	"github.com/penguinmails/disaster-recovery/internal/local/mailu"
)

const (
	host, user, password = "mail.example.org", "admin@example.org", "The-password_of-admin"
	portOffset           = 24000
)

// server is a Mailu stand-in on an address of its own, and the DNS in which its name stands.
type server struct {
	dir, address string
	world        mailclient.World
}

func newServer(t *testing.T) server {
	t.Helper()
	s := server{t.TempDir(), fmt.Sprintf("127.%d.%d.%d", 1+mathrand.IntN(250), mathrand.IntN(250), 1+mathrand.IntN(250)), mailclient.World{PortOffset: portOffset}}
	certificate, key, roots := certify(t)
	s.world.Roots = roots
	s.world.Resolver = dnstest.Serve(t, host+". A "+s.address)
	compose := "services:\n  front:\n    image: nginx:2024.06.57\n    ports:\n"
	for _, port := range []string{"25", "80", "443", "465", "587", "993"} {
		compose += fmt.Sprintf("      - \"%s:%s:%s\"\n", s.address, port, port)
	}
	for _, other := range []string{"admin", "imap", "smtp"} {
		compose += "  " + other + ":\n    image: " + other + ":2024.06.57\n"
	}
	for name, text := range map[string]string{
		"docker-compose.yml": compose, "certs/cert.pem": certificate, "certs/key.pem": key,
		"mailu.env": strings.Join([]string{
			"SECRET_KEY=0123456789ABCDEF", "DOMAIN=example.org", "HOSTNAMES=" + host, "POSTMASTER=admin", "TLS_FLAVOR=cert", "WEBMAIL=roundcube",
			"API=true", "API_TOKEN=token-of-a-test", "BIND_ADDRESS4=" + s.address, "INITIAL_ADMIN_ACCOUNT=admin", "INITIAL_ADMIN_DOMAIN=example.org",
			"INITIAL_ADMIN_PW=" + password, "INITIAL_ADMIN_MODE=ifmissing", "MAILU_VERSION=2024.06.57", "",
		}, "\n"),
	} {
		path := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s server) start(t *testing.T) *mailu.Server {
	t.Helper()
	project, err := mailu.OpenProject(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	running, err := mailu.Start(project, mailu.Options{PortOffset: portOffset, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Error(err)
		}
	})
	return running
}

// certify makes a certificate for the host, and the authorities that trust it.
func certify(t *testing.T) (certificate, private string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(chain)
	return string(chain), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})), roots
}

func TestEveryWayIn(t *testing.T) {
	s := newServer(t)
	me := mailclient.New(s.world, host, user, password)
	if err := me.All(t.Context()); err == nil {
		t.Fatal("every way leads in, and there is no server")
	}
	running := s.start(t)
	if err := me.All(t.Context()); err != nil {
		t.Errorf("the right password: %v", err)
	}

	session, err := me.Stay(t.Context())
	if err != nil || session.Look() != nil {
		t.Errorf("a session that stays: %v", err)
	}

	stranger := mailclient.New(s.world, host, user, "another password")
	if _, err := stranger.Stay(t.Context()); err == nil {
		t.Error("a session with another password")
	}
	for name, try := range map[string]func(context.Context) error{
		"webmail": stranger.Webmail, "IMAPS": stranger.IMAPS, "587": stranger.STARTTLS, "465": stranger.SMTPS, "round trip": stranger.RoundTrip,
	} {
		if err := try(t.Context()); err == nil {
			t.Errorf("%s: another password leads in", name)
		}
	}
	if err := stranger.WrongPassword(t.Context()); err != nil {
		t.Errorf("a wrong password: %v", err)
	}

	distrustful := s.world
	distrustful.Roots = x509.NewCertPool()
	for _, way := range []string{"webmail", "IMAPS", "submission at 587", "submission at 465", "a message sent and found", "a wrong password refused"} {
		err := mailclient.New(distrustful, host, user, password).All(t.Context())
		if err == nil || !strings.Contains(err.Error(), way+": ") || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("an authority that nobody trusts: %s is not in %v", way, err)
		}
	}

	if err := running.Close(); err != nil {
		t.Fatal(err)
	}
	if err := me.WrongPassword(t.Context()); err == nil {
		t.Error("a server that is gone has refused a password")
	}
	if session.Look() == nil {
		t.Error("the session outlives its server")
	}
	session.End()
}
