package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// daemon is the SSH daemon of a machine that is on.
type daemon struct {
	server   *ssh.Server
	listener *cuttable
	served   chan struct{}
}

// cuttable is a listener whose connections end with it, those in the middle of a handshake too: the SSH server knows
// only of connections that are through with it.
type cuttable struct {
	net.Listener
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

// Accept waits for the next connection.
func (c *cuttable) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	c.conns = append(c.conns, conn)
	return conn, nil
}

// Close refuses new connections and closes those that there are.
func (c *cuttable) Close() error {
	err := unlisten(c.Listener)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	return err
}

// unlisten closes a listener at once. To close it alone leaves it listening while a child that this program is just
// starting has a copy of the socket: until the child becomes another program.
func unlisten(listener net.Listener) error {
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return fmt.Errorf("a %T is no TCP listener", listener)
	}
	socket, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var refused error
	err = socket.Control(func(fd uintptr) { refused = unix.Shutdown(int(fd), unix.SHUT_RDWR) })
	return errors.Join(err, refused, listener.Close())
}

// startDaemon listens with the host key of the server's file, or with another one.
func (m *machine) startDaemon(otherKey bool) (*daemon, error) {
	signer, err := m.hostKey(otherKey)
	if err != nil {
		return nil, fmt.Errorf("start SSH: %w", err)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", m.address, m.port))
	if err != nil {
		return nil, fmt.Errorf("start SSH: %w", err)
	}
	d := &daemon{listener: &cuttable{Listener: listener}, served: make(chan struct{}), server: &ssh.Server{
		Version:          "OpenSSH_9.2p1 Debian-2+deb12u3",
		HostSigners:      []ssh.Signer{signer},
		PublicKeyHandler: func(ctx ssh.Context, key ssh.PublicKey) bool { return ctx.User() == "root" && m.authorizes(key) },
		Handler:          m.session,
		SubsystemHandlers: map[string]ssh.SubsystemHandler{
			"sftp": m.files,
		},
		ChannelHandlers: map[string]ssh.ChannelHandler{
			"session":      ssh.DefaultSessionHandler,
			"direct-tcpip": m.tunnel,
		},
		RequestHandlers: map[string]ssh.RequestHandler{
			"keepalive@openssh.com": func(ssh.Context, *ssh.Server, *gossh.Request) (bool, []byte) { return true, nil },
		},
	}}
	m.mu.Lock()
	m.shown = signer.PublicKey()
	m.mu.Unlock()
	go func() {
		defer close(d.served)
		_ = d.server.Serve(d.listener)
	}()
	return d, nil
}

// stop closes the listener and every connection.
func (d *daemon) stop() {
	_ = d.listener.Close() // the server's own Close misses a listener that it does not serve yet
	<-d.served
	_ = d.server.Close()
}

func (m *machine) hostKey(other bool) (gossh.Signer, error) {
	text, err := os.ReadFile(m.path(hostKeyFile))
	if err != nil {
		return nil, err
	}
	if other {
		fresh, err := newHostKey()
		if err != nil {
			return nil, err
		}
		text = []byte(fresh)
	}
	signer, err := gossh.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", hostKeyFile, err)
	}
	return signer, nil
}

// reloadHostKey is what a restart of the SSH daemon does: connections stay, new ones see the key that is in the file now.
func (m *machine) reloadHostKey() error {
	signer, err := m.hostKey(false)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.daemon != nil {
		m.daemon.server.AddHostKey(signer)
		m.shown = signer.PublicKey()
	}
	return nil
}

// publicHostKey is what the daemon shows, or would show; empty if the file holds no key.
func (m *machine) publicHostKey() string {
	m.mu.Lock()
	shown := m.shown
	m.mu.Unlock()
	if shown == nil {
		signer, err := m.hostKey(false)
		if err != nil {
			return ""
		}
		shown = signer.PublicKey()
	}
	return strings.TrimSpace(string(gossh.MarshalAuthorizedKey(shown)))
}

func (m *machine) authorizes(key ssh.PublicKey) bool {
	rest, err := os.ReadFile(m.path(authorizedFile))
	for err == nil && len(rest) > 0 {
		var known ssh.PublicKey
		if known, _, _, rest, err = ssh.ParseAuthorizedKey(rest); err == nil && ssh.KeysEqual(known, key) {
			return true
		}
	}
	return false
}
