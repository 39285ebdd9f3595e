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
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

// providerToken is what the local provider asks for.
const providerToken = "local-provider-token"

// Mail is the part of the platform where the tenants' servers are: the world around them, and the authority that mail
// clients trust.
type Mail struct {
	// World runs in this process; nil where it is a process of its own.
	*world.World
	// At is where everything in the world is.
	At world.Place

	detached  world.Detached
	authority mailAuthority
}

// mailRecord is what a later process needs of Mail.
type mailRecord struct {
	World     world.Detached `json:"world"`
	Authority string         `json:"authority"` // PEM, without its key: tenants are onboarded once
}

func attachMail(r mailRecord) *Mail {
	return &Mail{At: r.World.Place, detached: r.World, authority: mailAuthority{PEM: []byte(r.Authority)}}
}

// Trusted is the authority that mail clients trust, PEM.
func (m *Mail) Trusted() []byte { return m.authority.PEM }

// Console is the provider's, as an operator has it.
func (m *Mail) Console() (*vps.Provider, error) {
	return vps.New(vps.Options{Token: secret.New(providerToken), Endpoint: m.At.Provider})
}

// StartMail starts the world: in this process, or as one of its own where the platform stays. The platform's Stop ends it.
func (p *Platform) StartMail(ctx context.Context) (err error) {
	m := &Mail{}
	if m.authority, err = newMailAuthority(time.Now()); err != nil {
		return err
	}
	standin, err := p.program(ctx, "mailu")
	if err != nil {
		return err
	}
	provider := server.Options{Dir: filepath.Join(p.dir, "servers"), Token: providerToken, Program: standin, Dial: p.dialMailu}
	if p.Faults != nil {
		provider.Dial = p.Faults.Mailu.DialTo
	}
	if p.attached {
		m.World, err = world.Start(ctx, world.Options{Provider: provider, Zones: route53.NewFromConfig(p.AWS)})
		if err != nil {
			return err
		}
		m.At = m.World.Place()
	} else {
		binary, err := p.program(ctx, "world")
		if err != nil {
			return err
		}
		if m.detached, err = world.Detach(ctx, binary, provider, p.Engine.Env()); err != nil {
			return err
		}
		m.At = m.detached.Place
	}
	p.Mail = m
	if p.Faults != nil {
		p.Faults.Provider.Forward(strings.TrimSuffix(m.Provider.Endpoint(), "/v1"))
	}
	return nil
}

// program compiles a command of the local platform's into the platform's folder.
func (p *Platform) program(ctx context.Context, name string) (binary string, err error) {
	binary = filepath.Join(p.dir, "programs", name)
	_, err = tool.Run(ctx, p.tools.Root, nil, "go", "build", "-o", binary, "./internal/local/"+name+"/cmd")
	return binary, err
}

func (m *Mail) stop() error {
	if m.World != nil {
		return m.World.Stop()
	}
	return m.detached.Stop()
}

// Resolver asks the world's DNS.
func (m *Mail) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, m.At.DNS)
	}}
}

// Client is the programs of the tenant's administrator: a browser and a mail program that know the host's name, the user
// and the password.
func (m *Mail) Client(t MailTenant) mailclient.Client {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(m.Trusted()) // of our own making
	return mailclient.New(mailclient.World{Resolver: m.At.DNS, Roots: roots}, t.Hostname, t.Address(), t.Password.Reveal())
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
