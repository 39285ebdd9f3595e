package mailu

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Token is an application password. It outlives every change of the user's password.
type Token struct {
	ID           int      `json:"id"`
	Email        string   `json:"email"`
	Comment      string   `json:"comment"`
	AuthorizedIP []string `json:"AuthorizedIP"`
	Created      string   `json:"Created"` // YYYY-MM-DD
}

// Tokens lists a user's application passwords.
func (c *Client) Tokens(ctx context.Context, email string) ([]Token, error) {
	var tokens []Token
	_, err := c.list(ctx, "/tokenuser/"+url.PathEscape(email), &tokens)
	return tokens, err
}

// DeleteToken removes an application password. One that is gone already is fine.
func (c *Client) DeleteToken(ctx context.Context, id int) error {
	a, err := c.change(ctx, http.MethodDelete, "/token/"+strconv.Itoa(id), nil)
	if err == nil && !a.isGood() && !a.isMissing() {
		err = a.refusal()
	}
	return err
}

// Alias sends mail for one address on to others.
type Alias struct {
	Email       string   `json:"email"`
	Destination []string `json:"destination"`
	Comment     string   `json:"comment"`
	Wildcard    bool     `json:"wildcard"`
}

// Aliases lists every alias of the server.
func (c *Client) Aliases(ctx context.Context) ([]Alias, error) {
	var aliases []Alias
	_, err := c.list(ctx, "/alias", &aliases)
	return aliases, err
}

// Relay is a foreign domain that this server takes mail for.
type Relay struct {
	Name    string `json:"name"`
	SMTP    string `json:"smtp"`
	Comment string `json:"comment"`
}

// Relays lists every relayed domain.
func (c *Client) Relays(ctx context.Context) ([]Relay, error) {
	var relays []Relay
	_, err := c.list(ctx, "/relay", &relays)
	return relays, err
}

// list is get for what is never missing.
func (c *Client) list(ctx context.Context, path string, out any) (bool, error) {
	found, err := c.get(ctx, path, out)
	if err == nil && !found {
		err = fault.MailuRefused.Errorf("GET %s: not found", path)
	}
	return found, err
}
