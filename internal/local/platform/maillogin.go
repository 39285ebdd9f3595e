package platform

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"

	"github.com/emersion/go-imap/client"
)

// MailLogin is a mail program that knows the tenant's host name, user and password, and nothing else: it asks DNS, trusts
// certificates as mail programs do, and logs in over IMAPS. It uses nothing of the product.
func (p *Platform) MailLogin(ctx context.Context, t MailTenant) error {
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, p.Mail.DNS.Addr)
	}}
	addresses, err := resolver.LookupHost(ctx, t.Hostname)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(p.Mail.Trusted()) {
		return fmt.Errorf("the mail authority's certificate is unusable")
	}
	c, err := client.DialTLS(net.JoinHostPort(addresses[0], "993"), &tls.Config{RootCAs: roots, ServerName: t.Hostname})
	if err != nil {
		return err
	}
	defer func() { _ = c.Logout() }()
	return c.Login("admin@"+t.Domain, t.Password.Reveal())
}
