// Package mailclient is what a tenant's people have: a browser and a mail program. It knows a host name, a user, a
// password and nothing else; it asks the world's DNS and trusts certificates as such programs do. It uses nothing of the
// product, so that it can bear witness for it.
package mailclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// World is what a program finds around it.
type World struct {
	// Resolver is the host:port of the name server to ask.
	Resolver string
	// Roots are the authorities whose certificates are trusted.
	Roots *x509.CertPool
	// PortOffset is added to every port, for servers that may not listen below 1024.
	PortOffset int
}

// Client is one person's programs.
type Client struct {
	world                World
	host, user, password string
}

// New sets the programs up. Nobody is asked yet.
func New(w World, host, user, password string) Client { return Client{w, host, user, password} }

// patience is how long one way in may take, the arrival of a message included.
const patience = 30 * time.Second

// All tries every way in, and goes on after a failure: the error names each that failed.
func (c Client) All(ctx context.Context) error {
	var failed []error
	for _, way := range []struct {
		name string
		try  func(context.Context) error
	}{
		{"webmail", c.Webmail},
		{"IMAPS", c.IMAPS},
		{"submission at 587", c.STARTTLS},
		{"submission at 465", c.SMTPS},
		{"a message sent and found", c.RoundTrip},
		{"a wrong password refused", c.WrongPassword},
	} {
		if err := way.try(ctx); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", way.name, err))
		}
	}
	return errors.Join(failed...)
}

// dialer looks names up in the world's DNS.
func (c Client) dialer() *net.Dialer {
	return &net.Dialer{Timeout: patience, Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, c.world.Resolver)
	}}}
}

func (c Client) at(port int) string {
	return net.JoinHostPort(c.host, strconv.Itoa(port+c.world.PortOffset))
}

func (c Client) trust() *tls.Config {
	return &tls.Config{RootCAs: c.world.Roots, ServerName: c.host}
}

// connect opens a port, and closes it when ctx ends: the protocols' clients know no contexts.
func (c Client) connect(ctx context.Context, port int) (net.Conn, error) {
	return bound(ctx)(c.dialer().DialContext(ctx, "tcp", c.at(port)))
}

// connectTLS opens a port where TLS comes first.
func (c Client) connectTLS(ctx context.Context, port int) (net.Conn, error) {
	return bound(ctx)((&tls.Dialer{NetDialer: c.dialer(), Config: c.trust()}).DialContext(ctx, "tcp", c.at(port)))
}

func bound(ctx context.Context) func(net.Conn, error) (net.Conn, error) {
	return func(conn net.Conn, err error) (net.Conn, error) {
		if err == nil {
			context.AfterFunc(ctx, func() { _ = conn.Close() })
		}
		return conn, err
	}
}
