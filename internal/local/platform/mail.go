package platform

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/penguinmails/disaster-recovery/internal/local/mailclient"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/local/tool"
	"github.com/penguinmails/disaster-recovery/internal/local/world"
)

// providerToken is what the local provider asks for.
const providerToken = "local-provider-token"

// Mail is the part of the platform where the tenants' servers are: the world around them, and the authority that mail
// clients trust.
type Mail struct {
	*world.World
	authority mailAuthority
}

// Trusted is the authority that mail clients trust, PEM.
func (m *Mail) Trusted() []byte { return m.authority.PEM }

// StartMail starts the world in this process; the platform's Stop ends it.
func (p *Platform) StartMail(ctx context.Context) (err error) {
	standin := filepath.Join(p.dir, "bin", "mailu-standin")
	if _, err := tool.Run(ctx, p.tools.Root, nil, "go", "build", "-o", standin, "./internal/local/mailu/cmd"); err != nil {
		return err
	}
	m := &Mail{}
	if m.authority, err = newMailAuthority(time.Now()); err != nil {
		return err
	}
	options := server.Options{Dir: filepath.Join(p.dir, "servers"), Token: providerToken, Program: standin}
	if p.Faults != nil {
		options.Dial = p.Faults.Mailu.DialTo
	}
	if m.World, err = world.Start(ctx, world.Options{Provider: options, Zones: route53.NewFromConfig(p.AWS)}); err != nil {
		return err
	}
	p.Mail = m
	if p.Faults != nil {
		p.Faults.Provider.Forward(strings.TrimSuffix(m.Provider.Endpoint(), "/v1"))
	}
	return nil
}

// Resolver asks the world's DNS.
func (m *Mail) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, m.DNS.Addr)
	}}
}

// Client is the programs of the tenant's administrator: a browser and a mail program that know the host's name, the user
// and the password.
func (m *Mail) Client(t MailTenant) mailclient.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(m.Trusted()) // of our own making
	return mailclient.New(mailclient.World{Resolver: m.DNS.Addr, Roots: roots}, t.Hostname, t.Address(), t.Password.Reveal())
}

// StoreToken puts the provider's token where the steps find it, as the operator does once.
func (p *Platform) StoreToken(ctx context.Context) error {
	_, err := secretsmanager.NewFromConfig(p.AWS).PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(p.Outputs["ProviderToken"]), SecretString: aws.String(providerToken),
	})
	if err != nil {
		return fmt.Errorf("store the provider's token: %w", err)
	}
	return nil
}
