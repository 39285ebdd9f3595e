// Package remote works on a server over SSH: it runs commands, puts files in place atomically, and reaches ports that
// only the server itself sees. The host key is pinned; no key is ever learned from the network.
//
// Secrets travel in files and on standard input, never in a command: the server's process list shows commands, and so
// do this package's errors. Errors name commands and paths, and never what was sent or what came back.
package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Session is one login. It lasts as long as the context that it was dialled with; a context that ends in the middle of
// any operation ends the whole session, because an SSH server that has gone silent can be left in no other way.
type Session struct {
	address, user string
	key           secret.String
	hostKey       string
	client        *ssh.Client
	unbind        func() bool

	mu    sync.Mutex
	files *sftp.Client
}

// Dial logs in at address ("203.0.113.7:22") with a private key in PEM form (OpenSSH, PKCS #8 or PKCS #1, without a
// passphrase). The server must prove one of the pinned host keys, each in the form of an authorized_keys line
// ("ssh-ed25519 AAAA…"); otherwise it is HostKeyMismatch. No answer is ServerUnreachable, a refused login ServerRefused.
func Dial(ctx context.Context, address, user string, key secret.String, pinned ...string) (*Session, error) {
	signer, err := ssh.ParsePrivateKey([]byte(key.Reveal()))
	if err != nil {
		return nil, fault.CredentialMissing.Errorf("log in at %s: the private key is not usable", address) // err may quote it
	}
	pins, err := parsePins(pinned)
	if err != nil {
		return nil, fault.InvalidInput.Tellf("%s: %w", address, err)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fault.ServerUnreachable.Errorf("dial %s: %w", address, err)
	}
	s := &Session{address: address, user: user, key: key}
	s.unbind = context.AfterFunc(ctx, func() { _ = conn.Close() })
	sshConn, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User:              user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback:   pins.check(&s.hostKey),
		HostKeyAlgorithms: pins.algorithms(),
	})
	if err != nil {
		s.unbind()
		_ = conn.Close()
		return nil, s.refusal(ctx, err)
	}
	s.client = ssh.NewClient(sshConn, channels, requests)
	return s, nil
}

// refusal names what made the handshake fail.
func (s *Session) refusal(ctx context.Context, err error) error {
	var noCommon *ssh.AlgorithmNegotiationError
	switch {
	case errors.Is(err, errMismatch), errors.As(err, &noCommon) && noCommon.What == "host key":
		return fault.HostKeyMismatch.Tellf("%s", s.address)
	case ctx.Err() != nil:
		return fault.ServerUnreachable.Errorf("log in at %s: %w", s.address, ctx.Err())
	case isCutOff(err), s.hostKey == "":
		// Before the host key nothing that was said is proven, and a server that is starting says all sorts of things.
		return fault.ServerUnreachable.Errorf("log in at %s: %w", s.address, err)
	}
	return fault.ServerRefused.Errorf("log in at %s as %s: %w", s.address, s.user, err)
}

// HostKey is the pinned key that the server proved, as an authorized_keys line without a comment.
func (s *Session) HostKey() string { return s.hostKey }

// Close ends the session and everything that goes through it.
func (s *Session) Close() error {
	s.unbind()
	if err := s.client.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close the session with %s: %w", s.address, err)
	}
	return nil
}

// bind ends the session when ctx ends before the returned function is called.
func (s *Session) bind(ctx context.Context) (release func() bool) {
	return context.AfterFunc(ctx, func() { _ = s.client.Close() })
}
