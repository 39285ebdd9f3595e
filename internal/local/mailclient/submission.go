package mailclient

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// STARTTLS logs in for sending at port 587, where TLS is asked for.
func (c Client) STARTTLS(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := c.connect(ctx, 587)
	if err != nil {
		return err
	}
	session, err := smtp.NewClientStartTLS(conn, c.trust())
	if err != nil {
		return err
	}
	return c.login(session, (*smtp.Client).Noop)
}

// SMTPS logs in for sending at port 465, where TLS comes first.
func (c Client) SMTPS(ctx context.Context) error { return c.smtps(ctx, (*smtp.Client).Noop) }

// RoundTrip sends the user a message and finds it in the inbox.
func (c Client) RoundTrip(ctx context.Context) error {
	subject, text := "To myself "+rand.Text(), rand.Text()
	err := c.smtps(ctx, func(session *smtp.Client) error {
		message := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\n\r\n%s\r\n", c.user, c.user, subject, text)
		return session.SendMail(c.user, []string{c.user}, strings.NewReader(message))
	})
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	found, err := c.Find(ctx, subject)
	if err != nil {
		return fmt.Errorf("find: %w", err)
	}
	if !strings.Contains(found, text) {
		return errors.New("what arrived is not what was sent")
	}
	return nil
}

func (c Client) smtps(ctx context.Context, use func(*smtp.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := c.connectTLS(ctx, 465)
	if err != nil {
		return err
	}
	return c.login(smtp.NewClient(conn), use)
}

func (c Client) login(session *smtp.Client, use func(*smtp.Client) error) error {
	defer session.Close()
	if err := session.Auth(sasl.NewPlainClient("", c.user, c.password)); err != nil {
		return err
	}
	if err := use(session); err != nil {
		return err
	}
	return session.Quit()
}
