package vaultserver

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

func TestAuthoritySatisfiesATLSClient(t *testing.T) {
	a, err := NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(a.CertFile, a.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // two clients refuse on purpose
	server.StartTLS()
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.CAPEM)
	dial := func(name string, roots *x509.CertPool) error {
		connection, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: roots, ServerName: name})
		if err == nil {
			connection.Close()
		}
		return err
	}
	for _, name := range []string{"127.0.0.1", "localhost"} {
		if err := dial(name, roots); err != nil {
			t.Errorf("a client that trusts the authority is refused as %s: %v", name, err)
		}
	}
	if err := dial("vault.example.com", roots); err == nil {
		t.Error("the certificate passes for another host")
	}
	if err := dial("127.0.0.1", x509.NewCertPool()); err == nil {
		t.Error("the certificate passes with a client that does not trust the authority")
	}
}

func TestAuthorityIsReused(t *testing.T) {
	dir := t.TempDir()
	first, err := NewAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := NewAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.CAPEM, second.CAPEM) {
		t.Error("the second call made another authority")
	}
}

func TestAuthorityIsRemade(t *testing.T) {
	other, err := NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string]func(a Authority) error{
		"key lost":                  func(a Authority) error { return os.Remove(a.KeyFile) },
		"certificate cut":           func(a Authority) error { return os.Truncate(a.CertFile, 100) },
		"authority of another":      func(a Authority) error { return os.WriteFile(a.CAFile, other.CAPEM, 0o644) },
		"key of another":            func(a Authority) error { return copyFile(other.KeyFile, a.KeyFile) },
		"authority without content": func(a Authority) error { return os.Truncate(a.CAFile, 0) },
	}
	for name, spoil := range damage {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			before, err := NewAuthority(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := spoil(before); err != nil {
				t.Fatal(err)
			}
			after, err := NewAuthority(dir)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(before.CAPEM, after.CAPEM) {
				t.Error("the damaged authority was kept")
			}
			if err := after.load(time.Now()); err != nil {
				t.Errorf("the new authority does not fit together: %v", err)
			}
		})
	}
}

func TestAuthorityNearItsEndIsNotReused(t *testing.T) {
	a, err := NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.load(time.Now().Add(certificateLife - renewBefore)); err != nil {
		t.Errorf("refused with thirty days to go: %v", err)
	}
	if err := a.load(time.Now().Add(certificateLife + time.Minute)); err == nil {
		t.Error("accepted past its end")
	}
}

func TestKeyFileIsPrivate(t *testing.T) {
	dir := t.TempDir()
	a, err := NewAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	// Made again over a file that everybody could read.
	if err := os.WriteFile(a.KeyFile, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(a.KeyFile, 0o644); err != nil {
		t.Fatal(err)
	}
	if a, err = NewAuthority(dir); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(a.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), os.FileMode(0o600); got != want {
		t.Errorf("mode of the key file = %v, want %v", got, want)
	}
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}
