package mailu

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// User is a mailbox. The fields are those that say who may get in and where mail goes. Fetch accounts (mail that Mailu
// collects elsewhere for the user) are not in the API of 2024.06.
type User struct {
	Email string `json:"email"`
	// Hash is the password's; see VerifyHash.
	Hash          secret.String `json:"password"`
	Comment       string        `json:"comment"`
	GlobalAdmin   bool          `json:"global_admin"`
	Enabled       bool          `json:"enabled"`
	EnableIMAP    bool          `json:"enable_imap"`
	EnablePOP     bool          `json:"enable_pop"`
	AllowSpoofing bool          `json:"allow_spoofing"`

	ForwardEnabled     bool     `json:"forward_enabled"`
	ForwardDestination []string `json:"forward_destination"`
	ForwardKeep        bool     `json:"forward_keep"`

	ReplyEnabled bool   `json:"reply_enabled"`
	ReplySubject string `json:"reply_subject"`
	ReplyStart   string `json:"reply_startdate"` // YYYY-MM-DD
	ReplyEnd     string `json:"reply_enddate"`   // YYYY-MM-DD
}

// Has reports whether password is the user's.
func (u User) Has(password secret.String) bool { return VerifyHash(u.Hash.Reveal(), password) }

// Users lists every user of the server.
func (c *Client) Users(ctx context.Context) ([]User, error) {
	var users []User
	_, err := c.list(ctx, "/user", &users)
	return users, err
}

// User finds one; nil where there is none. Mailu's addresses are lower case: "BOB@…" is not found.
func (c *Client) User(ctx context.Context, email string) (*User, error) {
	var u User
	found, err := c.get(ctx, userPath(email), &u)
	if err != nil || !found {
		return nil, err
	}
	if u.Email != email || u.Hash.Empty() {
		return nil, fault.MailuRefused.Errorf("GET /user: an answer that is not about the user asked for")
	}
	return &u, nil
}

// maxPassword is passlib's limit in bytes; beyond it Mailu answers with an internal error.
const maxPassword = 4096

// checkPassword stops what Mailu would take: an empty password is answered with 200 and locks the user out.
func checkPassword(p secret.String) error {
	if n := len(p.Reveal()); n == 0 || n > maxPassword {
		return fault.CredentialMissing.Tellf("a password of 1 to %d bytes is needed", maxPassword)
	}
	return nil
}

// CreateAdmin creates an enabled global administrator, and reads it back. false: the address is taken already.
func (c *Client) CreateAdmin(ctx context.Context, email string, password secret.String) (created bool, err error) {
	if err := checkPassword(password); err != nil {
		return false, err
	}
	a, err := c.change(ctx, http.MethodPost, "/user", map[string]any{
		"email": email, "raw_password": password.Reveal(), "global_admin": true, "enabled": true, "comment": "administrator",
	})
	switch {
	case err != nil:
		return false, err
	case a.code() == http.StatusConflict:
		return false, nil
	case !a.isGood():
		return false, a.refusal()
	}
	return true, c.expect(ctx, email, "password", func(u User) bool { return u.Has(password) && u.GlobalAdmin && u.Enabled })
}

// SetPassword changes a user's password, and believes it when the hash that is read back verifies: Mailu ignores fields
// that it does not know, with status 200.
func (c *Client) SetPassword(ctx context.Context, email string, password secret.String) error {
	if err := checkPassword(password); err != nil {
		return err
	}
	if err := c.patch(ctx, email, map[string]any{"raw_password": password.Reveal()}); err != nil {
		return err
	}
	return c.expect(ctx, email, "password", func(u User) bool { return u.Has(password) })
}

// MakeAdmin makes an existing user an enabled global administrator.
func (c *Client) MakeAdmin(ctx context.Context, email string) error {
	if err := c.patch(ctx, email, map[string]any{"global_admin": true, "enabled": true}); err != nil {
		return err
	}
	return c.expect(ctx, email, "admin flags", func(u User) bool { return u.GlobalAdmin && u.Enabled })
}

func (c *Client) patch(ctx context.Context, email string, fields map[string]any) error {
	a, err := c.change(ctx, http.MethodPatch, userPath(email), fields)
	if err == nil && !a.isGood() {
		err = a.refusal()
	}
	return err
}

// expect reads a user back after a change.
func (c *Client) expect(ctx context.Context, email, what string, holds func(User) bool) error {
	u, err := c.User(ctx, email)
	if err != nil {
		return err
	}
	if u == nil || !holds(*u) {
		return fault.MailuRefused.Tellf("Mailu accepted the %s and does not have it", what)
	}
	return nil
}

func userPath(email string) string { return "/user/" + url.PathEscape(email) }

// splitAddress parts "admin@tenant.example"; ok is false for anything that Mailu would not find again.
func splitAddress(email string) (local, domain string, ok bool) {
	local, domain, ok = strings.Cut(email, "@")
	return local, domain, ok && local != "" && hostname.MatchString(domain) && email == strings.ToLower(email)
}
