// Package mailu knows a tenant's mail server: the API of Mailu 2024.06, the files that such a server is made of, and the
// steps that make one out of a bare machine. Formats and odd answers were recorded from an unmodified 2024.06.57; the
// tests replay them.
package mailu

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Bounds of one call.
const (
	callTimeout = 30 * time.Second
	maxAnswer   = 16 << 20 // bytes: every user of a large server
)

// Client speaks to one Mailu's API.
type Client struct {
	base  string
	token secret.String
	http  *http.Client
}

// NewClient speaks to the Mailu at base ("https://mail.tenant.example", or "http://127.0.0.1:8080" through a tunnel)
// with its API_TOKEN. A nil transport is http.DefaultTransport.
func NewClient(base string, token secret.String, transport http.RoundTripper) *Client {
	return &Client{
		base: strings.TrimSuffix(base, "/"), token: token,
		http: &http.Client{
			Transport: transport, Timeout: callTimeout,
			// Mailu's API never redirects; the front sends what it does not know to the webmail.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Ping asks Mailu's admin container whether it runs at all. The front does not pass this path on: it needs the tunnel.
func (c *Client) Ping(ctx context.Context) error {
	answer, err := c.send(ctx, http.MethodGet, "/ping", nil)
	if err != nil {
		return err
	}
	if answer.status != http.StatusOK {
		return fault.MailuUnavailable.Errorf("GET /ping: status %d", answer.status)
	}
	return nil
}

// Ready asks the API for something that needs the token, the database and every DKIM key: nil when it answers.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.Domains(ctx)
	return err
}

// get reads an object or a list into out. found is false where Mailu says that it has none.
func (c *Client) get(ctx context.Context, path string, out any) (found bool, err error) {
	answer, err := c.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return false, err
	}
	switch {
	case answer.isMissing():
		return false, nil
	case !answer.isGood():
		return false, answer.refusal()
	}
	if err := json.Unmarshal(answer.body, out); err != nil {
		return false, fault.MailuRefused.Errorf("%s: an answer of another form than Mailu 2024.06's", answer.call) // err may quote a hash
	}
	return true, nil
}

// change sends in and believes only an explicit {"code":200}.
func (c *Client) change(ctx context.Context, method, path string, in any) (answer, error) {
	a, err := c.call(ctx, method, path, in)
	if err == nil && a.isGood() && a.envelope.Code != http.StatusOK {
		return a, fault.MailuRefused.Errorf("%s: an answer without a code", a.call)
	}
	return a, err
}

// call sends one API request and understands the answer's outer form.
func (c *Client) call(ctx context.Context, method, path string, in any) (answer, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return answer{}, fault.Unexpected.Errorf("%s %s: encode: %w", method, path, err)
		}
	}
	a, err := c.send(ctx, method, "/api/v1"+path, body)
	if err != nil {
		return answer{}, err
	}
	return a, a.understand()
}

func (c *Client) send(ctx context.Context, method, path string, body []byte) (answer, error) {
	call := method + " " + path
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return answer{}, fault.InvalidInput.Tellf("the address of Mailu's API is unusable")
	}
	// "bearer" in lower case is answered with 403.
	request.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, fault.MailuUnavailable.Errorf("%s: %w", call, err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return answer{}, fault.MailuUnavailable.Errorf("%s: read the answer: %w", call, err)
	}
	if len(content) > maxAnswer {
		return answer{}, fault.MailuRefused.Errorf("%s: an answer of more than %d bytes", call, maxAnswer)
	}
	kind, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	return answer{call: call, status: response.StatusCode, kind: strings.TrimSpace(kind), body: content}, nil
}
