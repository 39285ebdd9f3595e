package mailu

import (
	"context"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// SetInput is a server whose administrator's password is to be Vault's.
type SetInput struct {
	Tenant Tenant `json:"tenant"`
	Server Server `json:"server"`
	// Pending: the password is that of the credential that waits to be committed; see the package credential.
	Pending   bool           `json:"pending"`
	Execution task.Execution `json:"execution"`
}

// Validate checks every part.
func (in SetInput) Validate() error {
	return ConfigureInput{Tenant: in.Tenant, Server: in.Server, Execution: in.Execution}.Validate()
}

// Credentials is what SetCredentials left behind.
type Credentials struct {
	Username string `json:"username"`
	// CredentialID is the one that was installed.
	CredentialID string `json:"credential_id"`
	// Changed: the server had another password, or none.
	Changed bool `json:"changed"`
	// Through is the way that was taken.
	Through Through `json:"through"`
	// DKIM are the public keys that Mailu signs with, one for each domain: DNS must hold the same.
	DKIM []DKIM `json:"dkim"`
}

// Setter is the step SetCredentials, for the current credential.
type Setter struct{ Login Login }

// Set makes sure that the tenant's domains exist, each with its DKIM key, and that the administrator is there, enabled,
// with Vault's password. What is so already is left alone: the hash tells, so that a second run changes nothing.
func (s Setter) Set(ctx context.Context, in SetInput) (Credentials, error) {
	credential, key, token, err := s.collect(ctx, in.Tenant)
	if err != nil {
		return Credentials{}, err
	}
	set := Credentials{Username: credential.Username, CredentialID: in.Tenant.CredentialID, Through: ThroughAPI, DKIM: []DKIM{}}
	err = in.Server.within(ctx, key, token, func(api *Client) error {
		for _, name := range in.Tenant.Domains {
			record, err := ensureDomain(ctx, api, name)
			if err != nil {
				return err
			}
			set.DKIM = append(set.DKIM, record)
		}
		set.Changed, err = EnsureAdmin(ctx, api, credential)
		return err
	})
	if err != nil {
		return Credentials{}, err
	}
	return set, nil
}

func (s Setter) collect(ctx context.Context, t Tenant) (c Credential, key, token secret.String, err error) {
	secrets, logout, err := s.Login(ctx)
	if err != nil {
		return c, key, token, err
	}
	defer logout()
	if c, err = ReadCredential(ctx, secrets, t.ID, t.CredentialID); err != nil {
		return c, key, token, err
	}
	if key, err = sshKey(ctx, secrets, t.ID); err != nil {
		return c, key, token, err
	}
	token, err = apiToken(ctx, secrets, t.ID)
	return c, key, token, err
}

// access reads what opens a server and its API.
func access(ctx context.Context, login Login, tenantID string) (key, token secret.String, err error) {
	secrets, logout, err := login(ctx)
	if err != nil {
		return key, token, err
	}
	defer logout()
	if key, err = sshKey(ctx, secrets, tenantID); err != nil {
		return key, token, err
	}
	token, err = apiToken(ctx, secrets, tenantID)
	return key, token, err
}

func ensureDomain(ctx context.Context, api *Client, name string) (DKIM, error) {
	domain, err := api.Domain(ctx, name)
	if err == nil && domain == nil {
		if err = api.CreateDomain(ctx, name); err == nil {
			domain, err = api.Domain(ctx, name)
		}
	}
	if err != nil {
		return DKIM{}, err
	}
	if domain == nil {
		return DKIM{}, fault.MailuRefused.Tellf("the domain %s was created and is gone again", name)
	}
	return domain.DKIM()
}

// EnsureAdmin makes a credential's user an enabled global administrator with its password, and reports whether anything
// had to be changed.
func EnsureAdmin(ctx context.Context, api *Client, c Credential) (changed bool, err error) {
	user, err := api.User(ctx, c.Username)
	if err != nil {
		return false, err
	}
	if user == nil {
		created, err := api.CreateAdmin(ctx, c.Username, c.Password)
		if err != nil || created {
			return created, err
		}
		// Mailu's own start created it meanwhile.
		if user, err = api.User(ctx, c.Username); err != nil {
			return false, err
		}
		if user == nil {
			return false, fault.MailuRefused.Tellf("the administrator's address is taken, by what is no user")
		}
	}
	if !user.Has(c.Password) {
		if err := api.SetPassword(ctx, c.Username, c.Password); err != nil {
			return false, err
		}
		changed = true
	}
	if !user.GlobalAdmin || !user.Enabled {
		if err := api.MakeAdmin(ctx, c.Username); err != nil {
			return changed, err
		}
		changed = true
	}
	return changed, nil
}
