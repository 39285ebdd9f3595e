package mailprobe

import (
	"context"
	"errors"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/commands"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Answer is what a server said to a password.
type Answer string

// The answers; the zero Answer is for a port that was not asked.
const (
	Accepted Answer = "accepted"
	Refused  Answer = "refused"
)

// Logins are the answers of the ports that mail programs log in at.
type Logins struct {
	IMAPS      Answer `json:"imaps"`
	Submission Answer `json:"submission"`
}

// Accepted reports whether every port took the password.
func (l Logins) Accepted() bool { return l.IMAPS == Accepted && l.Submission == Accepted }

// Refused reports whether no port took the password.
func (l Logins) Refused() bool { return l.IMAPS == Refused && l.Submission == Refused }

// Logins tries a password once at each port: refused ones are counted by the server. A port that says neither yes nor no is
// ServerUnreachable.
func (n Network) Logins(ctx context.Context, t Target, credential Credential) (Logins, error) {
	c := client{network: n, target: t, credential: credential}
	var out Logins
	var err error
	if out.IMAPS, err = c.imapAnswer(ctx); err != nil {
		return Logins{}, fault.ServerUnreachable.Errorf("IMAPS: %s", credential.scrub(err.Error()))
	}
	if out.Submission, err = c.smtpAnswer(ctx); err != nil {
		return Logins{}, fault.ServerUnreachable.Errorf("submission: %s", credential.scrub(err.Error()))
	}
	return out, nil
}

func (c client) imapAnswer(ctx context.Context) (Answer, error) {
	session, err := c.greet(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = session.Terminate() }()
	said, err := session.Execute(&commands.Login{Username: c.credential.Username, Password: c.credential.Password.Reveal()}, nil)
	switch {
	case err != nil:
		return "", err
	case said != nil && said.Type == imap.StatusRespOk:
		return Accepted, nil
	case said != nil && said.Type == imap.StatusRespNo:
		return Refused, nil
	}
	return "", errors.New("neither accepted nor refused")
}

// smtpAnswer takes every answer but a yes for a refusal: the codes of a wrong password and of a rate limit tell nothing apart.
func (c client) smtpAnswer(ctx context.Context) (Answer, error) {
	conn, err := c.network.dialTLS(ctx, c.target, c.network.Ports.smtps())
	if err != nil {
		return "", err
	}
	session := smtp.NewClient(conn)
	defer func() { _ = session.Close() }()
	session.CommandTimeout = patience
	err = session.Auth(sasl.NewPlainClient("", c.credential.Username, c.credential.Password.Reveal()))
	var said *smtp.SMTPError
	switch {
	case err == nil:
		return Accepted, nil
	case errors.As(err, &said):
		return Refused, nil
	}
	return "", err
}
