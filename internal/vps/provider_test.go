package vps_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

const token = "local-token"

// project is a provider's project, empty at first, and its client.
type project struct {
	*testing.T
	provider *server.Provider
	*vps.Provider
}

func newProject(t *testing.T) *project {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	provider, err := server.Start(t.Context(), server.Options{Dir: t.TempDir(), Token: token, SSHPort: port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := provider.Stop(); err != nil {
			t.Error(err)
		}
	})
	return &project{t, provider, clientOf(t, provider.Endpoint(), token)}
}

func clientOf(t *testing.T, endpoint, token string) *vps.Provider {
	t.Helper()
	client, err := vps.New(vps.Options{Token: secret.New(token), Endpoint: endpoint, Timeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func specOf(t *testing.T, attempt string) vps.Spec {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return vps.Spec{
		TenantID: "acme", Name: "mail-acme-" + attempt, Type: "cx32", Image: "debian-12", Regions: []string{"fsn1", "nbg1"},
		SSHKey: string(ssh.MarshalAuthorizedKey(key)), Labels: map[string]string{vps.LabelRole: "mail", vps.LabelAttempt: attempt},
	}
}

// mustCreate makes a server and waits until it runs.
func (p *project) mustCreate(spec vps.Spec) vps.Server {
	p.Helper()
	s, err := p.Create(p.Context(), spec)
	if err != nil {
		p.Fatal(err)
	}
	p.until(s.ID, vps.Running)
	return s
}

func (p *project) until(id int64, want vps.State) {
	p.Helper()
	deadline := time.After(time.Minute)
	for {
		state, err := p.Status(p.Context(), id)
		if err != nil {
			p.Fatal(err)
		}
		if state == want {
			return
		}
		select {
		case <-deadline:
			p.Fatalf("server %d is %s, not %s", id, state, want)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// wantFault checks the fault's name, and that its public text says `says`.
func wantFault(t *testing.T, err error, name fault.Name, says string) {
	t.Helper()
	if !fault.Is(err, name) {
		t.Fatalf("the error is %v, want %s", err, name)
	}
	if public := fault.Of(err).Public; !strings.Contains(public, says) {
		t.Errorf("the operator reads %q, want %q in it", public, says)
	}
	if strings.Contains(err.Error(), token) {
		t.Errorf("the error shows the token: %v", err)
	}
}
