package remote_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/remote/remotetest"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

func dial(t *testing.T, s *remotetest.Server) *remote.Session {
	t.Helper()
	session, err := remote.Dial(t.Context(), s.Address, remotetest.User, s.Key, s.HostKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func TestDialTrustsOnlyThePinnedHostKey(t *testing.T) {
	server := remotetest.Start(t)
	_, other := remotetest.NewKey(t)
	_, err := remote.Dial(t.Context(), server.Address, remotetest.User, server.Key, other)
	if !fault.Is(err, fault.HostKeyMismatch) {
		t.Fatalf("another ed25519 key: %v, want HostKeyMismatch", err)
	}
	const ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg="
	_, err = remote.Dial(t.Context(), server.Address, remotetest.User, server.Key, ecdsa)
	if !fault.Is(err, fault.HostKeyMismatch) {
		t.Fatalf("a key of another type: %v, want HostKeyMismatch", err)
	}
	session, err := remote.Dial(t.Context(), server.Address, remotetest.User, server.Key, other, server.HostKey)
	if err != nil {
		t.Fatalf("one of two pinned keys: %v", err)
	}
	defer session.Close()
	if session.HostKey() != server.HostKey {
		t.Errorf("HostKey = %q, want the one that was shown", session.HostKey())
	}
}

func TestDialNamesWhatWentWrong(t *testing.T) {
	server := remotetest.Start(t)
	stranger, _ := remotetest.NewKey(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := dead.Addr().String()
	_ = dead.Close()
	for name, c := range map[string]struct {
		address string
		key     secret.String
		pin     string
		want    fault.Name
	}{
		"a key that may not log in": {server.Address, stranger, server.HostKey, fault.ServerRefused},
		"a key that is no key":      {server.Address, secret.New("PLANTED-SECRET"), server.HostKey, fault.CredentialMissing},
		"nobody listens":            {closed, server.Key, server.HostKey, fault.ServerUnreachable},
		"no pin":                    {server.Address, server.Key, "", fault.InvalidInput},
		"two lines in one pin":      {server.Address, server.Key, server.HostKey + "\n" + server.HostKey, fault.InvalidInput},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := remote.Dial(t.Context(), c.address, remotetest.User, c.key, c.pin)
			if !fault.Is(err, c.want) {
				t.Fatalf("err = %v, want %s", err, c.want)
			}
			if strings.Contains(err.Error(), "PLANTED-SECRET") {
				t.Error("the error quotes the key")
			}
		})
	}
}

// A server that accepts the connection and says nothing must not hold a step beyond its time.
func TestDialEndsWithItsContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	key, pin := remotetest.NewKey(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := remote.Dial(ctx, silent.Addr().String(), remotetest.User, key, pin); !fault.Is(err, fault.ServerUnreachable) {
		t.Fatalf("err = %v, want ServerUnreachable", err)
	}
}

func TestRun(t *testing.T) {
	server := remotetest.Start(t)
	session := dial(t, server)
	server.On("upper", func(stdin io.Reader, stdout, stderr io.Writer) int {
		content, _ := io.ReadAll(stdin)
		_, _ = stdout.Write(bytes.ToUpper(content))
		_, _ = io.WriteString(stderr, "done")
		return 0
	})
	out, err := session.Run(t.Context(), "upper", strings.NewReader("words"))
	if err != nil || string(out.Stdout) != "WORDS" || string(out.Stderr) != "done" || out.Truncated {
		t.Fatalf("Run = %q, %q, %v, %v", out.Stdout, out.Stderr, out.Truncated, err)
	}

	server.On("fails", func(_ io.Reader, _, stderr io.Writer) int {
		_, _ = io.WriteString(stderr, "PLANTED-SECRET")
		return 3
	})
	out, err = session.Run(t.Context(), "fails", nil)
	if !fault.Is(err, fault.ServerRefused) || !strings.Contains(err.Error(), "fails: exit status 3") {
		t.Fatalf("err = %v, want ServerRefused with the status", err)
	}
	if strings.Contains(err.Error(), "PLANTED-SECRET") || string(out.Stderr) != "PLANTED-SECRET" {
		t.Errorf("what a command said belongs into its output and not into the error: %v, %q", err, out.Stderr)
	}
}

func TestRunBoundsTheOutput(t *testing.T) {
	server := remotetest.Start(t)
	session := dial(t, server)
	server.On("flood", func(_ io.Reader, stdout, _ io.Writer) int {
		_, _ = stdout.Write(bytes.Repeat([]byte("a"), 1<<20))
		return 0
	})
	out, err := session.Run(t.Context(), "flood", nil)
	if err != nil || len(out.Stdout) != 64<<10 || !out.Truncated {
		t.Fatalf("kept %d bytes, truncated %v, %v; want 65536 bytes, truncated", len(out.Stdout), out.Truncated, err)
	}
	for most, want := range map[int]int{1 << 20: 1 << 20, 2 << 20: 1 << 20, 0: 0} {
		out, err := session.RunUpTo(t.Context(), most, "flood", nil)
		if err != nil || len(out.Stdout) != want || out.Truncated != (most < 1<<20) {
			t.Errorf("up to %d: kept %d bytes, truncated %v, %v", most, len(out.Stdout), out.Truncated, err)
		}
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	server := remotetest.Start(t)
	session := dial(t, server)
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	server.On("hang", func(io.Reader, io.Writer, io.Writer) int { cancel(); <-release; return 0 })
	if _, err := session.Run(ctx, "hang", nil); !fault.Is(err, fault.ServerUnreachable) || !errors.Is(err, context.Canceled) {
		t.Fatalf("err = %v, want ServerUnreachable because of the context", err)
	}
	if _, err := session.Run(t.Context(), "hang", nil); !fault.Is(err, fault.ServerUnreachable) {
		t.Fatalf("after that: %v, want ServerUnreachable: the session has ended", err)
	}
}

func TestWriteFile(t *testing.T) {
	server := remotetest.Start(t)
	session := dial(t, server)
	const name = "/mailu/dkim/key"
	// What a crash left: a temporary file that everybody may read.
	if err := os.MkdirAll(server.Path("/mailu/dkim"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(server.Path("/mailu/dkim/.key.new"), []byte("half"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		content string
		mode    fs.FileMode
	}{{"one", 0o600}, {"another, longer", 0o600}, {"", 0o644}} {
		if err := session.WriteFile(t.Context(), name, c.mode, []byte(c.content)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(server.Path(name))
		if err != nil || info.Mode().Perm() != c.mode {
			t.Errorf("mode %v, %v; want %v", info.Mode().Perm(), err, c.mode)
		}
		got, err := session.ReadFile(t.Context(), name)
		if err != nil || string(got) != c.content {
			t.Errorf("read back %q, %v; want %q", got, err, c.content)
		}
	}
	if entries, err := os.ReadDir(server.Path("/mailu/dkim")); err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, %v; want the one", len(entries), err)
	}
}

// A link that somebody put at the temporary name is replaced and not followed.
func TestWriteFileFollowsNoLink(t *testing.T) {
	server := remotetest.Start(t)
	if err := os.WriteFile(server.Path("victim"), []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("victim", server.Path(".key.new")); err != nil {
		t.Fatal(err)
	}
	if err := dial(t, server).WriteFile(t.Context(), "/key", 0o600, []byte("secret")); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(server.Path("victim")); err != nil || string(content) != "untouched" {
		t.Errorf("the link's target is %q, %v", content, err)
	}
}

func TestWriteFileRefused(t *testing.T) {
	server := remotetest.Start(t)
	if err := os.WriteFile(server.Path("file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := dial(t, server).WriteFile(t.Context(), "/file/below", 0o600, []byte("PLANTED-SECRET"))
	if !fault.Is(err, fault.ServerRefused) || strings.Contains(err.Error(), "PLANTED-SECRET") {
		t.Fatalf("err = %v, want ServerRefused without the content", err)
	}
}

func TestReadFileAndExists(t *testing.T) {
	server := remotetest.Start(t)
	session := dial(t, server)
	if _, err := session.ReadFile(t.Context(), "/nowhere"); !fault.Is(err, fault.ServerRefused) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("err = %v, want ServerRefused, not exist", err)
	}
	if there, err := session.Exists(t.Context(), "/nowhere"); there || err != nil {
		t.Errorf("Exists = %v, %v", there, err)
	}
	if err := os.WriteFile(server.Path("large"), make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if there, err := session.Exists(t.Context(), "/large"); !there || err != nil {
		t.Errorf("Exists = %v, %v", there, err)
	}
	if _, err := session.ReadFile(t.Context(), "/large"); !fault.Is(err, fault.ServerRefused) {
		t.Errorf("err = %v, want ServerRefused: too large", err)
	}
}

func TestTunnel(t *testing.T) {
	server := remotetest.Start(t)
	session := dial(t, server)
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "asked for "+r.Host)
	}))
	defer behind.Close()
	client := http.Client{Transport: session.Transport(behind.Listener.Addr().String())}
	answer, err := client.Get("http://mail.tenant.example/")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); string(body) != "asked for mail.tenant.example" {
		t.Errorf("body = %q", body)
	}

	closed := httptest.NewServer(nil)
	address := closed.Listener.Addr().String()
	closed.Close()
	if _, err := session.Tunnel(t.Context(), address); !fault.Is(err, fault.ServerUnreachable) {
		t.Errorf("nobody listens: %v, want ServerUnreachable", err)
	}
	if _, err := session.Tunnel(t.Context(), "10.0.0.1:80"); !fault.Is(err, fault.ServerRefused) {
		t.Errorf("forbidden: %v, want ServerRefused", err)
	}
}
