package mailprobe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/emersion/go-imap"
	imapclient "github.com/emersion/go-imap/client"
)

// How long a message may take from submission to the mailbox, and how long to wait between two looks.
const (
	deliveryTime  = 45 * time.Second
	deliveryPause = 250 * time.Millisecond
)

// roundTrip sends the tenant's administrator a message and fetches it, then removes it.
func (c client) roundTrip(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, deliveryTime)
	defer cancel()
	token := rand.Text()
	if err := c.send(ctx, token); err != nil {
		return err
	}
	session, err := c.imap(ctx, c.credential.Password.Reveal())
	if err != nil {
		return err
	}
	defer session.Logout() //nolint:errcheck // the message is fetched; how the session ends changes nothing
	if _, err := session.Select("INBOX", false); err != nil {
		return fmt.Errorf("select INBOX: %w", err)
	}
	found, err := await(ctx, session, messageID(token))
	if err != nil {
		return err
	}
	if err := fetched(session, found, token); err != nil {
		return err
	}
	return remove(session, found)
}

func messageID(token string) string { return "<" + token + "@mailprobe.invalid>" }

func (c client) send(ctx context.Context, token string) error {
	session, err := c.smtps(ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	who := c.credential.Username
	message := strings.Join([]string{
		"From: <" + who + ">", "To: <" + who + ">", "Subject: Mail server check", "Message-ID: " + messageID(token),
		"Date: " + time.Now().UTC().Format(time.RFC1123Z), "Auto-Submitted: auto-generated", "MIME-Version: 1.0",
		"Content-Type: text/plain; charset=us-ascii", "",
		"This message proves that the mail server sends and delivers. It is removed at once.", token, "",
	}, "\r\n")
	if err := session.SendMail(who, []string{who}, strings.NewReader(message)); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return session.Quit()
}

// await looks for the message until it is there.
func await(ctx context.Context, session *imapclient.Client, id string) (*imap.SeqSet, error) {
	criteria := imap.NewSearchCriteria()
	criteria.Header.Add("Message-ID", id)
	tick := time.NewTicker(deliveryPause)
	defer tick.Stop()
	for {
		// Servers tell of new messages only when they are spoken to.
		if err := session.Noop(); err != nil {
			return nil, fmt.Errorf("look for the message: %w", err)
		}
		uids, err := session.UidSearch(criteria)
		if err != nil {
			return nil, fmt.Errorf("look for the message: %w", err)
		}
		if len(uids) > 0 {
			set := new(imap.SeqSet)
			set.AddNum(uids...)
			return set, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the message did not arrive: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

// fetched reads the message and looks for the token in its text: a header alone could be made up.
func fetched(session *imapclient.Client, uids *imap.SeqSet, token string) error {
	section := &imap.BodySectionName{BodyPartName: imap.BodyPartName{Specifier: imap.TextSpecifier}, Peek: true}
	messages := make(chan *imap.Message, 1)
	failed := make(chan error, 1)
	go func() { failed <- session.UidFetch(uids, []imap.FetchItem{section.FetchItem()}, messages) }()
	right := false
	for m := range messages {
		if body := m.GetBody(section); body != nil {
			text, err := io.ReadAll(io.LimitReader(body, 64<<10))
			right = right || err == nil && strings.Contains(string(text), token)
		}
	}
	if err := <-failed; err != nil {
		return fmt.Errorf("fetch the message: %w", err)
	}
	if !right {
		return errors.New("the message that arrived is not the one that was sent")
	}
	return nil
}

func remove(session *imapclient.Client, uids *imap.SeqSet) error {
	if err := session.UidStore(uids, imap.FormatFlagsOp(imap.AddFlags, true), []any{imap.DeletedFlag}, nil); err != nil {
		return fmt.Errorf("remove the message: %w", err)
	}
	if err := session.Expunge(nil); err != nil {
		return fmt.Errorf("remove the message: %w", err)
	}
	return nil
}
