package platform

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/vault/api"
	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// TestTenant is the template's default of TestTenantId.
const TestTenant = "recovery-test"

// Passwords are what the tenants' mail servers accept, by tenant id: the truth that a restored Vault is held against.
type Passwords map[string]secret.String

// Seed gives Vault the credentials of n tenants and of the test tenant, as onboarding does.
func (p *Platform) Seed(ctx context.Context, n int) (Passwords, error) {
	client, err := p.Root()
	if err != nil {
		return nil, err
	}
	passwords := Passwords{TestTenant: NewPassword()}
	for i := range n {
		passwords[fmt.Sprintf("tenant-%03d", i+1)] = NewPassword()
	}
	err = p.say.Step(fmt.Sprintf("give Vault the secrets of %d tenants", len(passwords)), func() error {
		group, gctx := errgroup.WithContext(ctx)
		group.SetLimit(8)
		for tenant, password := range passwords {
			group.Go(func() error { return Onboard(gctx, client, tenant, password) })
		}
		return group.Wait()
	})
	return passwords, err
}

// NewPassword makes a password of 48 characters.
func NewPassword() secret.String {
	random := make([]byte, 36)
	_, _ = rand.Read(random) // crypto/rand.Read never fails
	return secret.New(base64.RawURLEncoding.EncodeToString(random))
}

// Onboard writes one tenant's credential.
func Onboard(ctx context.Context, client *api.Client, tenant string, password secret.String) error {
	credential := Credential{
		ID: uuid.NewString(), Username: "admin@" + tenant + ".example",
		WebmailURL: "https://mail." + tenant + ".example/webmail", Password: password,
	}
	return credential.write(ctx, client, tenant)
}

// Credential is what smtp/{tenant}/admin holds.
type Credential struct {
	ID, Username, WebmailURL string
	Password                 secret.String
}

// write puts the credential into Vault, its password under transit, bound to tenant and credential.
func (c Credential) write(ctx context.Context, client *api.Client, tenant string) error {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	sealed, err := client.Logical().WriteWithContext(ctx, "transit/encrypt/smtp", map[string]any{
		"plaintext": encode(c.Password.Reveal()), "context": encode(tenant), "associated_data": encode(c.ID),
	})
	if err != nil {
		return fmt.Errorf("credential of %s: %w", tenant, err)
	}
	now := time.Now().UTC().Format(time.RFC3339)
	_, err = client.KVv2("smtp").Put(ctx, tenant+"/admin", map[string]any{
		"username": c.Username, "password": sealed.Data["ciphertext"], "credential_id": c.ID, "webmail_url": c.WebmailURL,
		"created_at": now, "last_rotated": now, "rotation_policy": "180d",
	})
	if err != nil {
		return fmt.Errorf("credential of %s: %w", tenant, err)
	}
	return nil
}

// Check opens every tenant's password in Vault, as the mail platform would, and counts those that are what they were.
func (p *Platform) Check(ctx context.Context, passwords Passwords) (right int, err error) {
	for tenant, password := range passwords {
		found, err := p.Credential(ctx, tenant)
		if err != nil {
			return right, err
		}
		if found.Password.Reveal() == password.Reveal() {
			right++
		}
	}
	return right, nil
}

// Credential reads what Vault holds of a tenant. It does not use the product: it is the demo's own witness.
func (p *Platform) Credential(ctx context.Context, tenant string) (c Credential, err error) {
	client, err := p.Root()
	if err != nil {
		return c, err
	}
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	found, err := client.KVv2("smtp").Get(ctx, tenant+"/admin")
	if err != nil {
		return c, fmt.Errorf("read the credential of %s: %w", tenant, err)
	}
	c = Credential{ID: fmt.Sprint(found.Data["credential_id"]), Username: fmt.Sprint(found.Data["username"]), WebmailURL: fmt.Sprint(found.Data["webmail_url"])}
	opened, err := client.Logical().WriteWithContext(ctx, "transit/decrypt/smtp", map[string]any{
		"ciphertext": found.Data["password"], "context": encode(tenant), "associated_data": encode(c.ID),
	})
	if err != nil {
		return c, fmt.Errorf("decrypt the password of %s: %w", tenant, err)
	}
	plain, err := base64.StdEncoding.DecodeString(fmt.Sprint(opened.Data["plaintext"]))
	c.Password = secret.New(string(plain))
	return c, err
}
