package mailprobe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// VerifyInput is a server that should serve a tenant.
type VerifyInput struct {
	TenantID     string `json:"tenant_id"`
	CredentialID string `json:"credential_id"`
	Target       Target `json:"target"`
	// DKIM are the keys that the server signs with, one for each domain.
	DKIM      []DKIM         `json:"dkim"`
	Execution task.Execution `json:"execution"`
}

// DKIM is a public key as it should stand in DNS.
type DKIM struct {
	// Name is "dkim._domainkey.tenant.example".
	Name string `json:"name"`
	// Value is "v=DKIM1; k=rsa; p=…".
	Value string `json:"value"`
}

// Validate checks every part.
func (in VerifyInput) Validate() error {
	switch {
	case in.TenantID == "":
		return errors.New("tenant_id is missing")
	case in.CredentialID == "":
		return errors.New("credential_id is missing")
	case len(in.DKIM) == 0:
		return errors.New("dkim is empty: mail that nobody signs is mail that nobody takes")
	}
	if err := in.Target.Validate(); err != nil {
		return err
	}
	return in.Execution.Validate()
}

// Verified is what a mail client could do. Every check of it passed.
type Verified struct {
	Checks []Check `json:"checks"`
}

// Check is one thing tried.
type Check struct {
	Name         string `json:"name"`
	Passed       bool   `json:"passed"`
	Milliseconds int64  `json:"milliseconds"`
}

// Credential is what the tenant's programs log in with.
type Credential struct {
	Username   string
	Password   secret.String
	WebmailURL string
}

// Verifier is the step VerifyMailu.
type Verifier struct {
	Network Network
	// Credential reads the tenant's credential, and refuses another than the one named.
	Credential func(ctx context.Context, tenantID, credentialID string) (Credential, error)
	// LookupTXT asks DNS; (*net.Resolver).LookupTXT does.
	LookupTXT func(ctx context.Context, name string) ([]string, error)
	Now       func() time.Time
}

// Verify does what the tenant's programs will do, each thing once, and goes on after a failure so that the log names all
// that is wrong. Anything that failed is MailNotVerified.
func (v Verifier) Verify(ctx context.Context, in VerifyInput) (Verified, error) {
	credential, err := v.Credential(ctx, in.TenantID, in.CredentialID)
	if err != nil {
		return Verified{}, err
	}
	c := client{network: v.Network, target: in.Target, credential: credential}
	var done Verified
	var failed []string
	for _, check := range []struct {
		name string
		try  func(context.Context) error
	}{
		{"certificate", c.certificates},
		{"webmail-login", c.webmail},
		{"imap-login", c.imapLogin},
		{"submission-465-login", c.smtpsLogin},
		{"submission-587-login", c.startTLSLogin},
		{"message-sent-and-fetched", c.roundTrip},
		{"wrong-password-refused", c.wrongPassword},
		{"dkim-in-dns", func(ctx context.Context) error { return v.dkim(ctx, in.DKIM) }},
	} {
		started := v.Now()
		err := check.try(ctx)
		done.Checks = append(done.Checks, Check{check.name, err == nil, v.Now().Sub(started).Milliseconds()})
		if err != nil {
			slog.ErrorContext(ctx, "check failed", "check", check.name, "error", credential.scrub(err.Error()))
			failed = append(failed, check.name)
		}
	}
	if len(failed) > 0 {
		return Verified{}, fault.MailNotVerified.Tellf("failed: %s", strings.Join(failed, ", "))
	}
	return done, nil
}

// scrub keeps the password out of what a server answered: some repeat the line that they refuse.
func (c Credential) scrub(text string) string {
	if c.Password.Empty() {
		return text
	}
	return strings.ReplaceAll(text, c.Password.Reveal(), "[redacted]")
}

// dkim holds every key against DNS.
func (v Verifier) dkim(ctx context.Context, keys []DKIM) error {
	for _, key := range keys {
		published, err := v.LookupTXT(ctx, key.Name)
		if err != nil {
			return fmt.Errorf("look up %s: %w", key.Name, err)
		}
		if err := MatchDKIM(key.Value, published); err != nil {
			return fmt.Errorf("%s: %w", key.Name, err)
		}
	}
	return nil
}
