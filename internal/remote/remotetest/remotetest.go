// Package remotetest is an SSH server inside the test's own process: commands are answered by functions of the test,
// files lie below a folder of the test, and tunnels go to loopback.
package remotetest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gliderlabs/ssh"
	"github.com/pkg/sftp"
	gossh "golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// User is the only one who may log in, with Server.Key.
const User = "root"

// hostKeyPath is where the server, like sshd, reads its host key when it is told to reload.
const hostKeyPath = "etc/ssh/ssh_host_ed25519_key"

// Command answers one command: its exit status follows from what it returns.
type Command func(stdin io.Reader, stdout, stderr io.Writer) (status int)

// Server is one machine.
type Server struct {
	// Address is "127.0.0.1:port".
	Address string
	// HostKey is the line to pin.
	HostKey string
	// Key is the private key that may log in: OpenSSH PEM.
	Key secret.String
	// Root is the folder that stands for "/".
	Root string

	root     *os.Root
	server   *ssh.Server
	mu       sync.Mutex
	commands map[string]Command
	forwards map[string]string
	dropped  []string
	ran      []string
}

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Root: t.TempDir(), commands: map[string]Command{}, forwards: map[string]string{}}
	var err error
	if s.root, err = os.OpenRoot(s.Root); err != nil {
		t.Fatal(err)
	}
	hostKey, hostLine := keyPair(t)
	loginKey, loginLine := keyPair(t)
	s.HostKey, s.Key = hostLine, loginKey
	allowed, _, _, _, err := ssh.ParseAuthorizedKey([]byte(loginLine))
	if err != nil {
		t.Fatal(err)
	}
	s.server = &ssh.Server{
		Handler:           s.session,
		SubsystemHandlers: map[string]ssh.SubsystemHandler{"sftp": s.files},
		ChannelHandlers: map[string]ssh.ChannelHandler{
			"session": ssh.DefaultSessionHandler, "direct-tcpip": s.tunnel,
		},
		LocalPortForwardingCallback: func(_ ssh.Context, host string, _ uint32) bool { return host == "127.0.0.1" },
		PublicKeyHandler: func(ctx ssh.Context, key ssh.PublicKey) bool {
			return ctx.User() == User && ssh.KeysEqual(key, allowed)
		},
	}
	if err := s.server.SetOption(ssh.HostKeyPEM([]byte(hostKey.Reveal()))); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Address = listener.Addr().String()
	served := make(chan struct{})
	go func() { defer close(served); _ = s.server.Serve(listener) }()
	t.Cleanup(func() {
		_ = s.server.Close()
		_ = listener.Close() // the server does not know it yet when the test was shorter than its start
		<-served
		_ = s.root.Close()
	})
	return s
}

// NewKey makes a private key that no server knows.
func NewKey(t testing.TB) (private secret.String, public string) { return keyPair(t) }

func keyPair(t testing.TB) (private secret.String, public string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := gossh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := gossh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return secret.New(string(pem.EncodeToMemory(block))), strings.TrimSpace(string(gossh.MarshalAuthorizedKey(signer.PublicKey())))
}

// On sets the answer to a command line; without one a command ends with status 127, as in a shell.
func (s *Server) On(command string, answer Command) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands[command] = answer
}

// Ran lists the command lines that were run, oldest first.
func (s *Server) Ran() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ran)
}

// Path is where a file of the server lies in the test's folder.
func (s *Server) Path(name string) string { return filepath.Join(s.Root, name) }

// Reload is the Command that makes the server read its host key file, as a restarted sshd does.
func (s *Server) Reload(_ io.Reader, _, stderr io.Writer) int {
	content, err := s.root.ReadFile(hostKeyPath)
	if err == nil {
		var signer gossh.Signer
		if signer, err = gossh.ParsePrivateKey(content); err == nil {
			s.server.AddHostKey(signer)
			return 0
		}
	}
	_, _ = io.WriteString(stderr, err.Error())
	return 1
}

func (s *Server) session(session ssh.Session) {
	line := session.RawCommand()
	s.mu.Lock()
	s.ran = append(s.ran, line)
	answer := s.commands[line]
	s.mu.Unlock()
	status := 127
	if answer != nil {
		status = answer(session, session, session.Stderr())
	}
	_ = session.Exit(status)
}

func (s *Server) files(session ssh.Session) {
	f := rooted{s.root}
	server := sftp.NewRequestServer(session, sftp.Handlers{FileGet: f, FilePut: f, FileCmd: f, FileList: f})
	_ = server.Serve()
	_ = server.Close()
}
