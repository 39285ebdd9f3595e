package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"
)

// session runs a command of the server's.
func (m *machine) session(s ssh.Session) {
	m.note(s.RawCommand())
	cmd, err := m.shell(s.RawCommand())
	if err != nil {
		fmt.Fprintln(s.Stderr(), err)
		_ = s.Exit(126)
		return
	}
	cmd.Stdout, cmd.Stderr = s, s.Stderr()
	cmd.WaitDelay = time.Second // for what it leaves in the background with our pipes
	input, err := cmd.StdinPipe()
	if err == nil {
		err = m.launch(cmd)
	}
	if err != nil {
		m.logf("server %d: %v", m.id, err)
		_ = s.Exit(255)
		return
	}
	go func() {
		_, _ = io.Copy(input, s)
		_ = input.Close()
	}()
	_ = s.Exit(exitCode(cmd.Wait()))
}

// exitCode is the shell's: 128 and the signal for a command that a signal ended.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return 0
	case !errors.As(err, &exit):
		return 255
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}

// tunnel forwards a connection to the server's own loopback, which is its address here, or to another host. Hosts that are
// not on loopback would be the real ones: nobody gets there.
func (m *machine) tunnel(_ *ssh.Server, _ *gossh.ServerConn, channel gossh.NewChannel, ctx ssh.Context) {
	// RFC 4254, section 7.2
	var to struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	if err := gossh.Unmarshal(channel.ExtraData(), &to); err != nil {
		_ = channel.Reject(gossh.ConnectionFailed, "malformed request")
		return
	}
	host, dial := m.address, m.dial
	if ip := net.ParseIP(to.Host); to.Host != "127.0.0.1" && to.Host != "localhost" && to.Host != m.address {
		if ip == nil || !ip.IsLoopback() {
			_ = channel.Reject(gossh.Prohibited, "this host is not on this machine")
			return
		}
		if m.shut() {
			<-ctx.Done() // no answer, ever
			return
		}
		host, dial = to.Host, func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	target, err := dial(ctx, net.JoinHostPort(host, strconv.FormatUint(uint64(to.Port), 10)))
	if err != nil {
		_ = channel.Reject(gossh.ConnectionFailed, "connection refused")
		return
	}
	defer target.Close()
	stream, requests, err := channel.Accept()
	if err != nil {
		return
	}
	defer stream.Close()
	go gossh.DiscardRequests(requests)
	var copies sync.WaitGroup
	copies.Go(func() {
		_, _ = io.Copy(target, stream)
		if half, ok := target.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	})
	copies.Go(func() {
		_, _ = io.Copy(stream, target)
		_ = stream.CloseWrite()
	})
	copies.Wait()
}
