package platform

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	localdns "github.com/penguinmails/disaster-recovery/internal/local/dns"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/local/tool"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

// providerToken is what the local provider asks for.
const providerToken = "local-provider-token"

// Mail is the part of the platform where the tenants' servers are: their provider, the world's view of DNS, and the
// authority that mail clients trust.
type Mail struct {
	Provider  *server.Provider
	DNS       *localdns.Server
	authority mailAuthority
}

// Trusted is the authority that mail clients trust, PEM.
func (m *Mail) Trusted() []byte { return m.authority.PEM }

// Console is the provider's, as an operator has it.
func (m *Mail) Console() (*vps.Provider, error) {
	return vps.New(vps.Options{Token: secret.New(providerToken), Endpoint: m.Provider.Endpoint()})
}

// StartMail starts the provider and the name server in this process; the platform's Stop ends them.
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
	if m.Provider, err = server.Start(ctx, options); err != nil {
		return err
	}
	p.Mail = m
	if p.Faults != nil {
		p.Faults.Provider.Forward(strings.TrimSuffix(m.Provider.Endpoint(), "/v1"))
	}
	m.DNS, err = localdns.Start(localdns.Options{
		Zones: route53.NewFromConfig(p.AWS), Reverse: func(netip.Addr) string { return "" },
	})
	return err
}

// stop ends what StartMail started.
func (m *Mail) stop() error {
	var errs []error
	if m.DNS != nil {
		errs = append(errs, m.DNS.Stop())
	}
	if m.Provider != nil {
		errs = append(errs, m.Provider.Stop())
	}
	return errors.Join(errs...)
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
