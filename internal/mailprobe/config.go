package mailprobe

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"net"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Config says whom to trust and whom to ask.
type Config struct {
	// CACertificate is the base64 of the PEM of the authority that signed the servers' certificates; empty means the
	// system's own authorities.
	CACertificate string `env:"MAIL_CACERT_BASE64"`
	// Resolver is the host:port of a name server to ask; empty means the system's.
	Resolver string `env:"DNS_RESOLVER"`
}

// Network is how servers are reached under the configuration.
func (c Config) Network() (Network, error) {
	if c.CACertificate == "" {
		return Network{}, nil
	}
	pem, err := base64.StdEncoding.DecodeString(c.CACertificate)
	if err != nil {
		return Network{}, fault.InvalidConfiguration.Tellf("MAIL_CACERT_BASE64 is not base64")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return Network{}, fault.InvalidConfiguration.Tellf("MAIL_CACERT_BASE64 holds no PEM certificate")
	}
	return Network{Roots: roots}, nil
}

// LookupTXT asks DNS under the configuration.
func (c Config) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if c.Resolver == "" {
		return net.DefaultResolver.LookupTXT(ctx, name)
	}
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, c.Resolver)
	}}
	return resolver.LookupTXT(ctx, name)
}
