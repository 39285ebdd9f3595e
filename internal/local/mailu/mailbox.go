package mailu

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/backend"
	"github.com/emersion/go-imap/backend/backendutil"
	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"
)

const delimiter = "/"

var errNoInbox = errors.New("INBOX cannot be deleted or renamed")

// mailbox is one mailbox of a user that is logged in; every command looks at the disk anew, so that it sees what was
// delivered meanwhile.
type mailbox struct {
	user *imapUser
	name string
}

func (m *mailbox) Name() string             { return m.name }
func (m *mailbox) Check() error             { return nil }
func (m *mailbox) SetSubscribed(bool) error { return nil } // all are

func (m *mailbox) Info() (*imap.MailboxInfo, error) {
	return &imap.MailboxInfo{Delimiter: delimiter, Name: m.name}, nil
}

func (m *mailbox) Status(items []imap.StatusItem) (*imap.MailboxStatus, error) {
	messages, err := m.list()
	if err != nil {
		return nil, err
	}
	next, err := m.user.mail.nextUID(m.user.mail.dir(m.user.address, m.name))
	if err != nil {
		return nil, err
	}
	status := imap.NewMailboxStatus(m.name, items)
	status.Flags = []string{imap.AnsweredFlag, imap.DeletedFlag, imap.DraftFlag, imap.FlaggedFlag, imap.SeenFlag}
	status.PermanentFlags = status.Flags
	status.Messages, status.UidNext, status.UidValidity = uint32(len(messages)), next, 1
	for i, one := range messages {
		if slices.Contains(one.flags, imap.SeenFlag) {
			continue
		}
		status.Unseen++
		if status.UnseenSeqNum == 0 {
			status.UnseenSeqNum = uint32(i + 1)
		}
	}
	return status, nil
}

func (m *mailbox) ListMessages(uid bool, set *imap.SeqSet, items []imap.FetchItem, out chan<- *imap.Message) error {
	defer close(out)
	return m.each(uid, set, func(number uint32, one stored) error {
		fetched, err := fetch(number, one, items)
		if err == nil {
			out <- fetched
		}
		return err
	})
}

func (m *mailbox) SearchMessages(uid bool, criteria *imap.SearchCriteria) ([]uint32, error) {
	messages, err := m.list()
	if err != nil {
		return nil, err
	}
	var found []uint32
	for i, one := range messages {
		body, err := os.ReadFile(one.path)
		if err != nil {
			return nil, err
		}
		entity, err := message.Read(bytes.NewReader(body))
		if err != nil && !message.IsUnknownCharset(err) {
			return nil, err
		}
		ok, err := backendutil.Match(entity, uint32(i+1), one.uid, one.date, one.flags, criteria)
		if err != nil {
			return nil, err
		}
		if ok && uid {
			found = append(found, one.uid)
		} else if ok {
			found = append(found, uint32(i+1))
		}
	}
	return found, nil
}

func (m *mailbox) CreateMessage(flags []string, date time.Time, body imap.Literal) error {
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if date.IsZero() {
		date = time.Now()
	}
	return m.user.mail.add(m.user.address, m.name, flags, date, text)
}

func (m *mailbox) UpdateMessagesFlags(uid bool, set *imap.SeqSet, op imap.FlagsOp, flags []string) error {
	return m.each(uid, set, func(_ uint32, one stored) error {
		return m.user.mail.flag(one, backendutil.UpdateFlags(slices.Clone(one.flags), op, flags))
	})
}

func (m *mailbox) CopyMessages(uid bool, set *imap.SeqSet, to string) error {
	if _, err := m.user.GetMailbox(to); err != nil {
		return err
	}
	return m.each(uid, set, func(_ uint32, one stored) error {
		body, err := os.ReadFile(one.path)
		if err != nil {
			return err
		}
		return m.user.mail.add(m.user.address, to, one.flags, one.date, body)
	})
}

func (m *mailbox) Expunge() error {
	messages, err := m.list()
	for _, one := range messages {
		if slices.Contains(one.flags, imap.DeletedFlag) {
			err = errors.Join(err, os.Remove(one.path))
		}
	}
	return err
}

func (m *mailbox) list() ([]stored, error) { return m.user.mail.list(m.user.address, m.name) }

// each visits the messages that set names, by uid or by their number in the mailbox.
func (m *mailbox) each(uid bool, set *imap.SeqSet, visit func(number uint32, one stored) error) error {
	messages, err := m.list()
	if err != nil {
		return err
	}
	for i, one := range messages {
		number := uint32(i + 1)
		if (uid && set.Contains(one.uid)) || (!uid && set.Contains(number)) {
			if err := visit(number, one); err != nil {
				return err
			}
		}
	}
	return nil
}

// fetch reads what items ask for of one message.
func fetch(number uint32, one stored, items []imap.FetchItem) (*imap.Message, error) {
	text, err := os.ReadFile(one.path)
	if err != nil {
		return nil, err
	}
	fetched := imap.NewMessage(number, items)
	fetched.Uid, fetched.Flags, fetched.InternalDate, fetched.Size = one.uid, one.flags, one.date, uint32(one.size)
	for _, item := range items {
		body := bufio.NewReader(bytes.NewReader(text))
		header, err := textproto.ReadHeader(body)
		if err != nil {
			return nil, err
		}
		switch item {
		case imap.FetchEnvelope:
			fetched.Envelope, err = backendutil.FetchEnvelope(header)
		case imap.FetchBody, imap.FetchBodyStructure:
			fetched.BodyStructure, err = backendutil.FetchBodyStructure(header, body, item == imap.FetchBodyStructure)
		case imap.FetchUid, imap.FetchFlags, imap.FetchInternalDate, imap.FetchRFC822Size:
		default:
			var section *imap.BodySectionName
			if section, err = imap.ParseBodySectionName(item); err == nil {
				fetched.Body[section], err = backendutil.FetchBodySection(header, body, section)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return fetched, nil
}

var _ backend.Mailbox = (*mailbox)(nil)
