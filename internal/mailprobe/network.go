// Package mailprobe sees a mail server as its users' programs do: ports that open, certificates that hold, logins over
// IMAPS, submission and the webmail, a message that is sent and found again. It asks no API and believes no status page.
//
// A server can be looked at before DNS points to it: the host name is what certificates are held against, the address
// is what is dialled.
package mailprobe

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// Target is one mail server.
type Target struct {
	// Hostname is what clients are configured with, and what certificates must name.
	Hostname string `json:"hostname"`
	// Address is the IP address to dial.
	Address string `json:"address"`
}

// Validate refuses a target that DNS would have to find.
func (t Target) Validate() error {
	if t.Hostname == "" {
		return errors.New("target.hostname is missing")
	}
	if _, err := netip.ParseAddr(t.Address); err != nil {
		return errors.New("target.address is no IP address")
	}
	return nil
}

// Ports are where the services are; the zero value of one is its usual port.
type Ports struct {
	HTTPS, SMTPS, Submission, IMAPS int
}

func (p Ports) https() int      { return or(p.HTTPS, 443) }
func (p Ports) smtps() int      { return or(p.SMTPS, 465) }
func (p Ports) submission() int { return or(p.Submission, 587) }
func (p Ports) imaps() int      { return or(p.IMAPS, 993) }

func or(port, usual int) int {
	if port != 0 {
		return port
	}
	return usual
}

// Network is how servers are reached.
type Network struct {
	// Roots are the authorities that certificates are held against; nil is the system's.
	Roots *x509.CertPool
	Ports Ports
	// Patience bounds one attempt to connect; zero is 15 seconds.
	Patience time.Duration
}

// patience bounds one connection attempt, handshake included, and each answer within a session.
const patience = 15 * time.Second

// dial opens a connection that ends with ctx.
func (n Network) dial(ctx context.Context, t Target, port int) (net.Conn, error) {
	dialing, cancel := context.WithTimeout(ctx, cmp.Or(n.Patience, patience))
	defer cancel()
	conn, err := new(net.Dialer).DialContext(dialing, "tcp", net.JoinHostPort(t.Address, strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	return bound{conn, context.AfterFunc(ctx, func() { _ = conn.Close() })}, nil
}

// dialTLS opens a TLS connection whose certificate is valid for the target's host name now.
func (n Network) dialTLS(ctx context.Context, t Target, port int) (*tls.Conn, error) {
	conn, err := n.dial(ctx, t, port)
	if err != nil {
		return nil, err
	}
	handshaking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	secured := tls.Client(conn, n.tls(t))
	if err := secured.HandshakeContext(handshaking); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

func (n Network) tls(t Target) *tls.Config {
	return &tls.Config{ServerName: t.Hostname, RootCAs: n.Roots, MinVersion: tls.VersionTLS12}
}

// bound is a connection that a context closes: the mail protocols' clients know no contexts.
type bound struct {
	net.Conn
	release func() bool
}

func (b bound) Close() error {
	b.release()
	return b.Conn.Close()
}
