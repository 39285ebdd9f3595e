package remote_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/remote/remotetest"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

func bootstrap(t *testing.T, login secret.String, attempt string) remote.HostKey {
	t.Helper()
	key, err := remote.Bootstrap(login, attempt)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestBootstrap(t *testing.T) {
	login, public := remotetest.NewKey(t)
	other, _ := remotetest.NewKey(t)
	key := bootstrap(t, login, "one")
	if key.Public != bootstrap(t, login, "one").Public {
		t.Error("the same attempt gets another key")
	}
	if key.Public == bootstrap(t, login, "two").Public || key.Public == bootstrap(t, other, "one").Public {
		t.Error("another attempt or login key gets the same key")
	}
	if key.Public == public || key.Public == successor(t, login, key.Public).Public {
		t.Error("the bootstrap key is the login key, or its own successor")
	}
	line, err := remote.PublicLine(key.Private())
	if err != nil || line != key.Public {
		t.Errorf("the private half belongs to %q, %v; want %q", line, err, key.Public)
	}
}

// The same key in another wrapping is the same key.
func TestBootstrapKnowsTheKeyInAnotherForm(t *testing.T) {
	login, public := remotetest.NewKey(t)
	parsed, err := ssh.ParseRawPrivateKey([]byte(login.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(*parsed.(*ed25519.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	wrapped := secret.New(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	if bootstrap(t, wrapped, "one").Public != bootstrap(t, login, "one").Public {
		t.Error("PKCS #8 gives another key than OpenSSH's form")
	}
	if line, err := remote.PublicLine(wrapped); err != nil || line != public {
		t.Errorf("PublicLine = %q, %v; want %q", line, err, public)
	}
}

func TestBootstrapNeedsAKey(t *testing.T) {
	_, bootstrapErr := remote.Bootstrap(secret.New("PLANTED-SECRET"), "one")
	_, lineErr := remote.PublicLine(secret.New("PLANTED-SECRET"))
	for what, err := range map[string]error{"Bootstrap": bootstrapErr, "PublicLine": lineErr} {
		if !fault.Is(err, fault.CredentialMissing) || strings.Contains(err.Error(), "PLANTED") {
			t.Errorf("%s: %v, want CredentialMissing without the key", what, err)
		}
	}
}
