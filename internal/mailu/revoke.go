package mailu

import (
	"context"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// RevokeInput is a server whose administrator's password has leaked and was replaced.
type RevokeInput struct {
	TenantID  string         `json:"tenant_id"`
	Server    Server         `json:"server"`
	Execution task.Execution `json:"execution"`
}

// Validate checks every part.
func (in RevokeInput) Validate() error {
	return OutboundInput(in).Validate()
}

// Revoked is what was taken away, and what the owner of the leaked password may have left behind.
type Revoked struct {
	// Done tells it from what the state machine holds before.
	Done bool `json:"done"`
	// Tokens and Sessions count what this run ended; a run before it may have ended more.
	Tokens   int   `json:"tokens"`
	Sessions int   `json:"sessions"`
	Found    Found `json:"found"`
}

// Revoker is the step RevokeAccess.
type Revoker struct{ Login Login }

// Revoke ends what outlives a change of the administrator's password: application passwords and open sessions. Then it looks
// at what a global administrator can have set up, for people to judge. Web sessions have ended with the password. It may
// be repeated.
//
// Faults: CredentialMissing; those of Vault, the server and Mailu.
func (r Revoker) Revoke(ctx context.Context, in RevokeInput) (Revoked, error) {
	username, key, token, err := r.collect(ctx, in.TenantID)
	if err != nil {
		return Revoked{}, err
	}
	session, err := remote.Dial(ctx, in.Server.ssh(), sshUser, key, in.Server.HostKey)
	if err != nil {
		return Revoked{}, err
	}
	defer session.Close()
	api := apiThrough(session, token)
	out := Revoked{Done: true}
	// First the passwords, then the sessions: whoever is thrown out does not come in again.
	if out.Tokens, err = revokeTokens(ctx, api, username); err != nil {
		return Revoked{}, err
	}
	if out.Sessions, err = endSessions(ctx, session, username); err != nil {
		return Revoked{}, err
	}
	out.Found, err = survey(ctx, api)
	if err != nil {
		return Revoked{}, err
	}
	return out, nil
}

func (r Revoker) collect(ctx context.Context, tenantID string) (username string, key, token secret.String, err error) {
	secrets, logout, err := r.Login(ctx)
	if err != nil {
		return "", key, token, err
	}
	defer logout()
	data, err := read(ctx, secrets, "smtp/", tenantID+"/admin")
	if err != nil {
		return "", key, token, err
	}
	username = strings.ToLower(fields(data)["username"])
	if !mailbox.MatchString(username) {
		return "", key, token, fault.CredentialMissing.Tellf("smtp/%s/admin has no username that is an address", tenantID)
	}
	if key, err = sshKey(ctx, secrets, tenantID); err != nil {
		return "", key, token, err
	}
	token, err = apiToken(ctx, secrets, tenantID)
	return username, key, token, err
}

// revokeTokens deletes the user's application passwords, and sees that there is none left.
func revokeTokens(ctx context.Context, api *Client, username string) (deleted int, err error) {
	tokens, err := api.Tokens(ctx, username)
	if err != nil {
		return 0, err
	}
	for _, t := range tokens {
		if err := api.DeleteToken(ctx, t.ID); err != nil {
			return 0, err
		}
		deleted++
	}
	left, err := api.Tokens(ctx, username)
	if err == nil && len(left) > 0 {
		err = fault.MailuRefused.Tellf("Mailu deleted the administrator's application passwords and has %d", len(left))
	}
	return deleted, err
}
