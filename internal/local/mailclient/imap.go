package mailclient

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/client"
	"github.com/emersion/go-imap/commands"
)

// IMAPS logs in at port 993.
func (c Client) IMAPS(ctx context.Context) error {
	return c.mailbox(ctx, c.password, func(*client.Client) error { return nil })
}

// WrongPassword sees one refused.
func (c Client) WrongPassword(ctx context.Context) error {
	entered := false
	err := c.mailbox(ctx, rand.Text(), func(*client.Client) error { entered = true; return nil })
	switch {
	case entered:
		return errors.New("a random password lets in")
	case !errors.Is(err, errRefused):
		return fmt.Errorf("neither let in nor refused: %w", err)
	}
	return nil
}

// lookAgain is how long a mail program waits before it looks for new messages again.
const lookAgain = 200 * time.Millisecond

// Find waits for the message with that subject in the inbox, and returns its text.
func (c Client) Find(ctx context.Context, subject string) (text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = c.mailbox(ctx, c.password, func(session *client.Client) error {
		if _, err := session.Select("INBOX", true); err != nil {
			return err
		}
		tick := time.NewTicker(lookAgain)
		defer tick.Stop()
		for {
			if text, err = search(session, subject); text != "" || err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return errors.New("the message is not in the inbox")
			case <-tick.C:
			}
		}
	})
	return text, err
}

func search(session *client.Client, subject string) (text string, err error) {
	if err := session.Noop(); err != nil { // servers tell of new messages only when they are spoken to
		return "", err
	}
	criteria := imap.NewSearchCriteria()
	criteria.Header.Add("Subject", subject)
	found, err := session.UidSearch(criteria)
	if err != nil || len(found) == 0 {
		return "", err
	}
	one, section := new(imap.SeqSet), &imap.BodySectionName{BodyPartName: imap.BodyPartName{Specifier: imap.TextSpecifier}}
	one.AddNum(found[0])
	messages := make(chan *imap.Message, 1) // room for the one that was asked for: Fetch waits for nobody
	if err := session.UidFetch(one, []imap.FetchItem{section.FetchItem()}, messages); err != nil {
		return "", err
	}
	for m := range messages {
		if body := m.GetBody(section); body != nil {
			read, err := io.ReadAll(body)
			return string(read), err
		}
	}
	return "", errors.New("the message has no text")
}

// errRefused is a login that the server answered with NO.
var errRefused = errors.New("user and password are refused")

// mailbox logs in over IMAPS for the time of use.
func (c Client) mailbox(ctx context.Context, password string, use func(*client.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	session, err := c.enter(ctx, password)
	if err != nil {
		return err
	}
	defer func() { _ = session.Terminate() }()
	if err := use(session); err != nil {
		return err
	}
	return session.Logout()
}

// enter logs in over IMAPS until ctx ends.
func (c Client) enter(ctx context.Context, password string) (*client.Client, error) {
	conn, err := c.connectTLS(ctx, 993)
	if err != nil {
		return nil, err
	}
	session, err := client.New(conn)
	if err != nil {
		return nil, err
	}
	session.ErrorLog = log.New(io.Discard, "", 0) // what it would say there it returns
	answer, err := session.Execute(&commands.Login{Username: c.user, Password: password}, nil)
	switch {
	case err != nil:
	case answer.Type == imap.StatusRespNo:
		err = errRefused
	default:
		err = answer.Err()
	}
	if err != nil {
		_ = session.Terminate()
		return nil, err
	}
	session.SetState(imap.AuthenticatedState, nil)
	return session, nil
}
