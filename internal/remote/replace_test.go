package remote_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/remote/remotetest"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

const restart = "systemctl restart ssh"

func successor(t *testing.T, login secret.String, bootstrap string) remote.HostKey {
	t.Helper()
	key, err := remote.Successor(login, bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestReplaceHostKey(t *testing.T) {
	server := remotetest.Start(t)
	server.On(restart, server.Reload)
	key := successor(t, server.Key, server.HostKey)
	public, err := dial(t, server).ReplaceHostKey(t.Context(), key, restart)
	if err != nil || public != key.Public {
		t.Fatalf("ReplaceHostKey = %q, %v; want %q", public, err, key.Public)
	}
	if _, err := remote.Dial(t.Context(), server.Address, remotetest.User, server.Key, server.HostKey); !fault.Is(err, fault.HostKeyMismatch) {
		t.Errorf("the bootstrap key: %v, want HostKeyMismatch", err)
	}
	if info, err := os.Stat(server.Path("/etc/ssh/ssh_host_ed25519_key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file's mode is %v, %v", info.Mode(), err)
	}

	// The run that comes after a crash pins both, finds the new one, and changes nothing.
	again := successor(t, server.Key, server.HostKey)
	session, err := remote.Dial(t.Context(), server.Address, remotetest.User, server.Key, server.HostKey, again.Public)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if _, err := session.ReplaceHostKey(t.Context(), again, restart); err != nil {
		t.Fatal(err)
	}
	if ran := server.Ran(); !slices.Equal(ran, []string{restart}) {
		t.Errorf("ran %q, want one restart", ran)
	}
}

func TestReplaceHostKeySeesAFailedRestart(t *testing.T) {
	server := remotetest.Start(t)
	key := successor(t, server.Key, server.HostKey)
	if _, err := dial(t, server).ReplaceHostKey(t.Context(), key, restart); !fault.Is(err, fault.ServerRefused) {
		t.Fatalf("err = %v, want ServerRefused", err)
	}
}

func TestSuccessor(t *testing.T) {
	login, bootstrap := remotetest.NewKey(t)
	other, otherBootstrap := remotetest.NewKey(t)
	key := successor(t, login, bootstrap)
	if key.Public != successor(t, login, bootstrap).Public {
		t.Error("the same inputs give another key")
	}
	if key.Public == successor(t, other, bootstrap).Public || key.Public == successor(t, login, otherBootstrap).Public {
		t.Error("another login or bootstrap key gives the same successor")
	}
	if _, err := remote.Successor(secret.New("PLANTED-SECRET"), bootstrap); !fault.Is(err, fault.CredentialMissing) || strings.Contains(err.Error(), "PLANTED") {
		t.Errorf("err = %v, want CredentialMissing without the key", err)
	}
}
