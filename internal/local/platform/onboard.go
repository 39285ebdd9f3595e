package platform

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/uuid"
	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

// MailTenant is a tenant with a mail server that runs.
type MailTenant struct {
	ID       string
	Hostname string
	Domain   string
	Password secret.String
	VPS      tenant.VPS
	// Planted are the tenant's other secrets, by what they are: nobody may find them anywhere but in Vault and on the
	// server.
	Planted map[string]secret.String

	registration tenant.Registration
}

// MailHost is the name of a tenant's mail server.
func MailHost(id string) string { return "mail." + id + ".example.org" }

// Address is the mail address of the tenant's administrator.
func (t MailTenant) Address() string { return "admin@" + t.Domain }

// OnboardMail gives a tenant everything that onboarding gives one.
func (p *Platform) OnboardMail(ctx context.Context, id string) (MailTenant, error) {
	t, err := p.SetUpMail(ctx, id)
	if err != nil {
		return t, err
	}
	return t, p.Register(ctx, t)
}

// Register enters a tenant that is set up into the registry.
func (p *Platform) Register(ctx context.Context, t MailTenant) error {
	if err := p.Invoke(ctx, "register-tenant", t.registration, &tenant.Registered{}); err != nil {
		return fmt.Errorf("onboard %s: %w", t.ID, err)
	}
	return nil
}

// SetUpMail gives a tenant its secrets in Vault, its zone and its server, built from the very files that a recovery writes.
func (p *Platform) SetUpMail(ctx context.Context, id string) (MailTenant, error) {
	t := MailTenant{ID: id, Domain: id + ".example.org", Hostname: MailHost(id), Password: NewPassword(), Planted: map[string]secret.String{}}
	fail := func(err error) (MailTenant, error) { return t, fmt.Errorf("onboard %s: %w", id, err) }
	credentialID := uuid.NewString()
	dkim, err := p.mailSecrets(ctx, t, credentialID)
	if err != nil {
		return fail(err)
	}
	made, hostKey, err := p.firstServer(ctx, t, credentialID)
	if err != nil {
		return fail(err)
	}
	t.VPS = tenant.VPS{
		Provider: "hetzner", ID: strconv.FormatInt(made.ID, 10), IP: made.IPv4, IPv6: made.IPv6, Region: made.Region, Type: made.Type,
	}
	zone, err := p.mailZone(ctx, t, made.IPv4, dkim)
	if err != nil {
		return fail(err)
	}
	t.registration = tenant.Registration{Description: tenant.Description{
		ID: id, Name: id, Contact: "owner@elsewhere.example.com", Domains: []string{t.Domain}, Hostname: t.Hostname,
		HostedZoneID: zone, VPS: t.VPS, Regions: []string{made.Region, "nbg1"}, HostKey: hostKey, CredentialID: credentialID, Priority: 5,
	}}
	return t, nil
}

// mailSecrets writes what Vault holds of a tenant, and returns the public DKIM record.
func (p *Platform) mailSecrets(ctx context.Context, t MailTenant, credentialID string) (dkim string, err error) {
	client, err := p.Root()
	if err != nil {
		return "", err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return "", err
	}
	signing, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	public, err := x509.MarshalPKIXPublicKey(signing.Public())
	if err != nil {
		return "", err
	}
	chain, key, err := p.Mail.authority.issue(t.Hostname)
	if err != nil {
		return "", err
	}
	secrets := []struct {
		mount, path string
		data        map[string]any
	}{
		{"vps", t.ID + "/admin_ssh", map[string]any{"private_key": string(pem.EncodeToMemory(block))}},
		{"vps", t.ID + "/mailu_api", map[string]any{"token": NewPassword().Reveal()}},
		{"vps", t.ID + "/tls", map[string]any{"certificate": string(chain), "private_key": string(key)}},
		{"dkim", t.Domain + "/" + mailu.Selector, map[string]any{"private_key": string(pem.EncodeToMemory(
			&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(signing)}))}},
	}
	for _, s := range secrets {
		for name, value := range s.data {
			if name != "certificate" {
				t.Planted[s.path+" "+name] = heart(fmt.Sprint(value))
			}
		}
		if _, err := client.KVv2(s.mount).Put(ctx, s.path, s.data); err != nil {
			return "", err
		}
	}
	credential := Credential{
		ID: credentialID, Username: t.Address(), WebmailURL: "https://" + t.Hostname + "/webmail", Password: t.Password,
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(public), credential.write(ctx, client, t.ID)
}

// heart is the part of a secret by which it is recognised: of a PEM file a line from within.
func heart(text string) secret.String {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return secret.New(lines[len(lines)/2])
}

// BareServer is a server as a person sets one up in the provider's project: it lets root in with the tenant's SSH key, has
// Docker, and no mail. It returns its host key, too.
func (p *Platform) BareServer(ctx context.Context, tenantID, name string) (vps.Server, string, error) {
	provider, err := p.Mail.Console()
	if err != nil {
		return vps.Server{}, "", err
	}
	login, err := p.rootLogin()
	if err != nil {
		return vps.Server{}, "", err
	}
	starter := mailu.Starter{Login: login}
	boot, err := starter.Boot(ctx, tenantID, name, "")
	if err != nil {
		return vps.Server{}, "", err
	}
	made, err := provider.Create(ctx, vps.Spec{
		TenantID: tenantID, Name: name, Type: "cx22", Image: "ubuntu-24.04", Regions: []string{"fsn1"}, SSHKey: boot.AuthorizedKey,
		UserData: boot.UserData, Labels: map[string]string{vps.LabelRole: "mail", vps.LabelAttempt: name},
	})
	if err != nil {
		return vps.Server{}, "", err
	}
	err = eventually(ctx, "the server "+name, func() (bool, error) {
		if made, err = provider.Get(ctx, made.ID); err != nil || made.State != vps.Running {
			return false, err
		}
		return starter.Open(ctx, tenantID, made.IPv4, boot.HostKey)
	})
	return made, boot.HostKey, err
}

// firstServer builds the server that the tenant has had all along, and returns its host key, too.
func (p *Platform) firstServer(ctx context.Context, t MailTenant, credentialID string) (vps.Server, string, error) {
	made, bootKey, err := p.BareServer(ctx, t.ID, "mail-"+t.ID)
	if err != nil {
		return made, "", err
	}
	login, err := p.rootLogin()
	if err != nil {
		return made, "", err
	}
	who := mailu.Tenant{ID: t.ID, Hostname: t.Hostname, Domains: []string{t.Domain}, CredentialID: credentialID}
	run := task.Execution{ARN: "onboarding", StartedAt: time.Now(), State: "onboarding"}
	configured, err := mailu.Configurer{Login: login, Now: time.Now}.Configure(ctx, mailu.ConfigureInput{
		Tenant: who, Server: mailu.Server{Address: made.IPv4.String(), HostKey: bootKey}, Bootstrap: true, Execution: run,
	})
	if err != nil {
		return made, "", err
	}
	err = eventually(ctx, "Mailu of "+t.ID, func() (bool, error) {
		found, err := mailu.Checker{Login: login}.Check(ctx, mailu.CheckInput{Tenant: who, Server: configured.Server, Execution: run})
		return found.State == mailu.Ready, err
	})
	if err != nil {
		return made, "", err
	}
	_, err = mailu.Setter{Login: login}.Set(ctx, mailu.SetInput{Tenant: who, Server: configured.Server, Execution: run})
	return made, configured.Server.HostKey, err
}

// rootLogin reads Vault as the operator does.
func (p *Platform) rootLogin() (mailu.Login, error) {
	cluster, err := vault.Open(vault.Config{
		Nodes: []string{p.Vault.URL()}, CACertificate: base64.StdEncoding.EncodeToString(p.authority.CAPEM), ServerID: serverID,
	})
	if err != nil {
		return nil, err
	}
	session, err := cluster.Nodes()[0].AsRoot(vault.Keys{RootToken: p.Keys.RootToken})
	if err != nil {
		return nil, err
	}
	return func(context.Context) (mailu.Secrets, func(), error) { return session, func() {}, nil }, nil
}

// mailZone makes the tenant's zone as it is in the world.
func (p *Platform) mailZone(ctx context.Context, t MailTenant, ip netip.Addr, dkim string) (zoneID string, err error) {
	client := route53.NewFromConfig(p.AWS)
	zone, err := client.CreateHostedZone(ctx, &route53.CreateHostedZoneInput{
		Name: aws.String(t.Domain), CallerReference: aws.String(uuid.NewString()),
	})
	if err != nil {
		return "", err
	}
	quoted := func(text string) string { // a TXT string holds at most 255 bytes
		out := ""
		for len(text) > 255 {
			out, text = out+strconv.Quote(text[:255])+" ", text[255:]
		}
		return out + strconv.Quote(text)
	}
	var changes []types.Change
	for _, r := range []struct {
		name  string
		kind  types.RRType
		value string
	}{
		{t.Hostname, types.RRTypeA, ip.String()},
		{t.Domain, types.RRTypeMx, "10 " + t.Hostname + "."},
		{t.Domain, types.RRTypeTxt, quoted("v=spf1 ip4:" + ip.String() + " mx ~all")},
		{mailu.Selector + "._domainkey." + t.Domain, types.RRTypeTxt, quoted(dkim)},
	} {
		changes = append(changes, types.Change{Action: types.ChangeActionCreate, ResourceRecordSet: &types.ResourceRecordSet{
			Name: aws.String(r.name), Type: r.kind, TTL: aws.Int64(60), ResourceRecords: []types.ResourceRecord{{Value: aws.String(r.value)}},
		}})
	}
	id := aws.ToString(zone.HostedZone.Id)
	_, err = client.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String(id), ChangeBatch: &types.ChangeBatch{Changes: changes},
	})
	return id[len("/hostedzone/"):], err
}

// eventually waits until something is so, for a minute at most.
func eventually(ctx context.Context, what string, so func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := so(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not there: %w", what, ctx.Err())
		case <-tick.C:
		}
	}
}
