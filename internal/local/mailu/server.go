package mailu

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"
)

// Options are what a start needs besides the project.
type Options struct {
	// PortOffset is added to every port, for a run that may not listen below 1024.
	PortOffset int
	Log        *slog.Logger
	Now        func() time.Time
}

// Server is a running stand-in.
type Server struct {
	ports       map[int]net.Addr
	connections *connections
	stop        []func() error
}

// adminPort is the admin container's, in clear. It is not published: one reaches it from the server itself, through SSH.
const adminPort = 8080

// Start serves the project until Close. When it returns without an error, every port answers.
func Start(p Project, o Options) (_ *Server, err error) {
	c, err := newContainers(p, o)
	if err != nil {
		return nil, err
	}
	certificate, err := p.certificate()
	if err != nil {
		return nil, err
	}
	s := &Server{ports: map[int]net.Addr{}, connections: c.connections}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	services := c.services(certificate, 443+o.PortOffset)
	for port, at := range p.compose.front {
		serve, ok := services[port]
		if !ok {
			continue
		}
		if err := s.listen(port, at, o.PortOffset, serve); err != nil {
			return nil, err
		}
	}
	if err := s.listen(adminPort, netip.AddrPortFrom(p.Settings.Bind, adminPort), o.PortOffset, webService(c.admin, o.Log)); err != nil {
		return nil, err
	}
	return s, s.openConsole(c)
}

// Addr is where a port of Mailu, such as 993, is served, or nil when it is not.
func (s *Server) Addr(port int) net.Addr { return s.ports[port] }

// Close stops serving and breaks all connections. A second Close does nothing.
func (s *Server) Close() error {
	var errs []error
	stops := s.stop
	s.stop = nil
	for _, stop := range stops {
		if err := stop(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// service serves a listener until it is stopped.
type service struct {
	serve func(net.Listener) error
	stop  func() error
}

func (s *Server) listen(port int, at netip.AddrPort, offset int, one service) error {
	l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", at.Addr(), int(at.Port())+offset))
	if err != nil {
		return fmt.Errorf("port %d: %w", port, err)
	}
	s.ports[port] = l.Addr()
	l = watched{l, s.connections}
	done := make(chan error, 1)
	go func() { done <- one.serve(l) }()
	s.stop = append(s.stop, func() error {
		err := errors.Join(one.stop(), l.Close())
		<-done // it ends because it was told to: its error says no more than that
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		return err
	})
	return nil
}

func webService(h http.Handler, log *slog.Logger) service {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	return service{server.Serve, server.Close}
}

// withTLS makes a service speak TLS from the first byte.
func withTLS(one service, config *tls.Config) service {
	plain := one.serve
	one.serve = func(l net.Listener) error { return plain(tls.NewListener(l, config)) }
	return one
}

func makeFolders(paths ...string) error {
	for _, path := range paths {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return err
		}
	}
	return nil
}
