package mailu

import (
	"context"
	"log/slog"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// RevokeInput is a server whose administrator's password has leaked and was replaced.
type RevokeInput struct {
	TenantID string `json:"tenant_id"`
	Server   Server `json:"server"`
	// Through is the way to Mailu that was open a moment ago.
	Through   Through        `json:"through"`
	Execution task.Execution `json:"execution"`
}

// Validate checks every part.
func (in RevokeInput) Validate() error {
	if err := in.Through.Validate(); err != nil {
		return err
	}
	return OutboundInput{TenantID: in.TenantID, Server: in.Server, Execution: in.Execution}.Validate()
}

// Revoked is what was taken away, and what the owner of the leaked password may have left behind.
type Revoked struct {
	// Done tells it from what the state machine holds before.
	Done bool `json:"done"`
	// Tokens and Sessions count what this run ended; a run before it may have ended more.
	Tokens   int `json:"tokens"`
	Sessions int `json:"sessions"`
	// Kept is what may still let somebody in, because Mailu's API refused, and its own command too.
	Kept []string `json:"kept"`
	// Through is the way that was taken.
	Through Through `json:"through"`
	Found   Found   `json:"found"`
}

// What may be kept.
const (
	keptTokens      = "application passwords"
	keptWebSessions = "web sessions (webmail and administration)"
)

// Revoker is the step RevokeAccess.
type Revoker struct{ Login Login }

// Revoke ends what outlives a change of the administrator's password: application passwords and open sessions. Then it looks
// at what a global administrator can have set up, for people to judge. Web sessions have ended with the password if the API
// has changed it; of Mailu's own command that is not documented, so they are ended too, those of all users. What that command
// does not do is no fault: Kept says it. The step may be repeated.
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
	ways := waysTo(session, token, in.Through)
	out := Revoked{Done: true, Kept: []string{}}
	// First the passwords, then the sessions: whoever is thrown out does not come in again.
	if err := out.tokens(ctx, ways, username); err != nil {
		return Revoked{}, err
	}
	if out.Sessions, err = endSessions(ctx, session, username); err != nil {
		return Revoked{}, err
	}
	if err := out.survey(ctx, ways); err != nil {
		return Revoked{}, err
	}
	if out.Through = ways.through; out.Through == ThroughAPI {
		return out, nil
	}
	ended, err := endWebSessions(ctx, session)
	if err != nil {
		return Revoked{}, err
	}
	if !ended {
		out.Kept = append(out.Kept, keptWebSessions)
	}
	return out, nil
}

func (out *Revoked) tokens(ctx context.Context, ways *ways, username string) error {
	return ways.try(ctx, func(api *Client) (err error) {
		out.Tokens, err = revokeTokens(ctx, api, username)
		return err
	}, func(own command) error {
		deleted, left, err := own.revokeTokens(ctx, username)
		if err != nil && !refuses(ctx, err) {
			return err
		}
		out.Tokens += deleted
		if err != nil || left > 0 {
			out.Kept = append(out.Kept, keptTokens)
		}
		return nil
	})
}

func (out *Revoked) survey(ctx context.Context, ways *ways) error {
	return ways.try(ctx, func(api *Client) (err error) {
		out.Found, err = survey(ctx, api)
		return err
	}, func(own command) error {
		seen, err := own.survey(ctx)
		if err != nil {
			if !refuses(ctx, err) {
				return err
			}
			seen = unseen()
		}
		out.Found = seen
		return nil
	})
}

// refuses reports whether an error is Mailu's own command not doing, or not saying, what it was asked. There is no third way:
// people are told what is left to them.
func refuses(ctx context.Context, err error) bool {
	no := fault.Is(err, fault.ServerRefused) || fault.Is(err, fault.MailuRefused)
	if no {
		slog.WarnContext(ctx, "Mailu's own command refuses too", "error", err.Error())
	}
	return no
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
