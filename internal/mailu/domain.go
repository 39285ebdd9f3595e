package mailu

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Domain is a mail domain of the server.
type Domain struct {
	Name string `json:"name"`
	// Managers are the users who may administer the domain.
	Managers []string `json:"managers"`
	// DNSDKIM is the zone line that Mailu would like to see, from the key that it signs with; empty without a key, and
	// in lists.
	DNSDKIM string `json:"dns_dkim"`
}

// DKIM is the public side of a domain's signing key, as it should stand in DNS.
type DKIM struct {
	// Name is "dkim._domainkey.tenant.example".
	Name string `json:"name"`
	// Value is "v=DKIM1; k=rsa; p=…".
	Value string `json:"value"`
}

// DKIM parses the zone line: name, TTL, "IN TXT", then the value in one or more quoted strings.
func (d Domain) DKIM() (DKIM, error) {
	name, rest, ok := strings.Cut(d.DNSDKIM, " ")
	_, quoted, txt := strings.Cut(rest, " IN TXT ")
	parts := strings.Split(quoted, `"`)
	if !ok || !txt || len(parts) < 3 || len(parts)%2 == 0 {
		return DKIM{}, fault.MailuRefused.Tellf("Mailu has no DKIM key for %s", d.Name)
	}
	var value strings.Builder
	for i := 1; i < len(parts); i += 2 { // outside the quotes there are blanks only
		value.WriteString(parts[i])
	}
	return DKIM{Name: strings.TrimSuffix(name, "."), Value: value.String()}, nil
}

// Domains lists the server's domains.
func (c *Client) Domains(ctx context.Context) ([]Domain, error) {
	var domains []Domain
	_, err := c.list(ctx, "/domain", &domains)
	return domains, err
}

// Domain finds one; nil where there is none. A name that is none is answered with status 200 and a code inside.
func (c *Client) Domain(ctx context.Context, name string) (*Domain, error) {
	var d Domain
	found, err := c.get(ctx, "/domain/"+url.PathEscape(name), &d)
	if err != nil || !found {
		return nil, err
	}
	if d.Name != name {
		return nil, fault.MailuRefused.Errorf("GET /domain: an answer that is not about %s", name)
	}
	return &d, nil
}

// CreateDomain creates a domain; one that is there already is fine. It makes no DKIM key: a new key would silently part
// from the one in DNS.
func (c *Client) CreateDomain(ctx context.Context, name string) error {
	a, err := c.change(ctx, http.MethodPost, "/domain", map[string]any{"name": name})
	switch {
	case err != nil:
		return err
	case !a.isGood() && a.code() != http.StatusConflict:
		return a.refusal()
	}
	d, err := c.Domain(ctx, name)
	if err == nil && d == nil {
		err = fault.MailuRefused.Tellf("Mailu accepted the domain %s and does not have it", name)
	}
	return err
}
