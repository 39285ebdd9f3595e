package mailclient

import (
	"context"

	"github.com/emersion/go-imap/client"
)

// Session is a mail program that stays logged in over IMAPS, as they do.
type Session struct{ imap *client.Client }

// Stay logs in. The session ends with ctx at the latest.
func (c Client) Stay(ctx context.Context) (Session, error) {
	session, err := c.enter(ctx, c.password)
	return Session{session}, err
}

// Look asks for news; an error means that the server has ended the session.
func (s Session) Look() error { return s.imap.Noop() }

// End ends it.
func (s Session) End() { _ = s.imap.Terminate() }
