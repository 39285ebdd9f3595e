package mailprobe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/emersion/go-imap"
	imapclient "github.com/emersion/go-imap/client"
	"github.com/emersion/go-imap/commands"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// client is one mail program, set up with one credential.
type client struct {
	network    Network
	target     Target
	credential Credential
}

// certificates holds the certificate of every port that speaks TLS from its first byte; 587 shows its own at login.
func (c client) certificates(ctx context.Context) error {
	ports := c.network.Ports
	for _, port := range []int{ports.https(), ports.smtps(), ports.imaps()} {
		conn, err := c.network.dialTLS(ctx, c.target, port)
		if err != nil {
			return fmt.Errorf("port %d: %w", port, err)
		}
		_ = conn.Close()
	}
	return nil
}

// webmail logs in at the credential's webmail_url as Mailu's form does: 302 is a login, 200 the form again.
func (c client) webmail(ctx context.Context) error {
	where, err := url.Parse(c.credential.WebmailURL)
	if err != nil || where.Scheme != "https" || where.Hostname() != c.target.Hostname {
		return fmt.Errorf("webmail_url is not at https://%s", c.target.Hostname)
	}
	form := url.Values{
		"email": {c.credential.Username}, "pw": {c.credential.Password.Reveal()}, "pwned": {"-1"}, "submitAdmin": {"Sign in"},
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	login := "https://" + c.target.Hostname + "/sso/login"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, login, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("webmail_url: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return c.network.dialTLS(ctx, c.target, c.network.Ports.https())
		},
	}
	answer, err := transport.RoundTrip(request) // a redirect is the answer, and not to be followed
	if err != nil {
		return fmt.Errorf("POST %s: %w", login, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusFound || strings.Contains(answer.Header.Get("Location"), "/sso/login") {
		return fmt.Errorf("POST %s: status %d, no login", login, answer.StatusCode)
	}
	return nil
}

func (c client) imapLogin(ctx context.Context) error {
	session, err := c.imap(ctx, c.credential.Password.Reveal())
	if err != nil {
		return err
	}
	return session.Logout()
}

// imap logs in over IMAPS.
func (c client) imap(ctx context.Context, password string) (*imapclient.Client, error) {
	session, err := c.greet(ctx)
	if err != nil {
		return nil, err
	}
	if err := session.Login(c.credential.Username, password); err != nil {
		_ = session.Terminate()
		return nil, fmt.Errorf("login: %w", err)
	}
	return session, nil
}

// greet opens IMAPS up to the server's greeting.
func (c client) greet(ctx context.Context) (*imapclient.Client, error) {
	conn, err := c.network.dialTLS(ctx, c.target, c.network.Ports.imaps())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	session, err := imapclient.New(conn)
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("greeting: %w", err)
	}
	session.Timeout = patience
	session.ErrorLog = log.New(io.Discard, "", 0) // its words would go to standard error, past every redaction
	return session, nil
}

// wrongPassword proves that the server asks for the password at all: NO is the answer, and a connection that breaks is
// none. It is tried once: wrong passwords are counted.
func (c client) wrongPassword(ctx context.Context) error {
	session, err := c.greet(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = session.Terminate() }()
	answer, err := session.Execute(&commands.Login{Username: c.credential.Username, Password: rand.Text()}, nil)
	switch {
	case err != nil:
		return fmt.Errorf("neither accepted nor refused: %w", err)
	case answer == nil || answer.Type != imap.StatusRespNo && answer.Type != imap.StatusRespOk:
		return errors.New("neither accepted nor refused")
	case answer.Type == imap.StatusRespOk:
		return errors.New("a random password was accepted")
	}
	return nil
}

func (c client) smtpsLogin(ctx context.Context) error {
	session, err := c.smtps(ctx)
	if err != nil {
		return err
	}
	return session.Quit()
}

// smtps logs in where TLS comes first.
func (c client) smtps(ctx context.Context) (*smtp.Client, error) {
	conn, err := c.network.dialTLS(ctx, c.target, c.network.Ports.smtps())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return c.authenticate(smtp.NewClient(conn))
}

// startTLSLogin logs in where TLS is asked for; without it the password is never sent.
func (c client) startTLSLogin(ctx context.Context) error {
	conn, err := c.network.dial(ctx, c.target, c.network.Ports.submission())
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	session, err := smtp.NewClientStartTLS(conn, c.network.tls(c.target))
	if err != nil {
		_ = conn.Close()
		return fmt.Errorf("STARTTLS: %w", err)
	}
	if session, err = c.authenticate(session); err != nil {
		return err
	}
	return session.Quit()
}

func (c client) authenticate(session *smtp.Client) (*smtp.Client, error) {
	session.CommandTimeout, session.SubmissionTimeout = patience, patience
	err := session.Auth(sasl.NewPlainClient("", c.credential.Username, c.credential.Password.Reveal()))
	if err != nil {
		_ = session.Close()
		return nil, fmt.Errorf("login: %w", err)
	}
	return session, nil
}
