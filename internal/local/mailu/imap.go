package mailu

import (
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/backend"
)

// imapBackend lets users into their mailboxes. A session that is open stays so when the password changes.
type imapBackend struct {
	gate        *gate
	mail        *mailStore
	port        int
	connections *connections
}

// Login checks the credentials with the admin container's rules.
func (b *imapBackend) Login(info *imap.ConnInfo, user, password string) (backend.User, error) {
	var client netip.Addr
	if peer, err := netip.ParseAddrPort(info.RemoteAddr.String()); err == nil {
		client = peer.Addr().Unmap()
	}
	if !b.gate.admit(attempt{user: user, password: password, protocol: "imap", port: b.port, client: client}).admitted {
		return nil, &imap.ErrStatusResp{Resp: &imap.StatusResp{Type: imap.StatusRespNo, Code: imapRefused, Info: refusedText}}
	}
	if err := b.mail.open(user); err != nil {
		return nil, err
	}
	b.connections.loggedIn(info.LocalAddr, info.RemoteAddr, user, "imap")
	return &imapUser{user, b.mail}, nil
}

// imapUser is a user that is logged in.
type imapUser struct {
	address string
	mail    *mailStore
}

func (u *imapUser) Username() string { return u.address }
func (u *imapUser) Logout() error    { return nil }

func (u *imapUser) ListMailboxes(bool) ([]backend.Mailbox, error) {
	entries, err := os.ReadDir(filepath.Dir(u.mail.dir(u.address, "INBOX")))
	if err != nil {
		return nil, err
	}
	var boxes []backend.Mailbox
	for _, entry := range entries {
		name, err := url.PathUnescape(entry.Name())
		if err != nil || !entry.IsDir() {
			continue
		}
		boxes = append(boxes, &mailbox{u, name})
	}
	return boxes, nil
}

func (u *imapUser) GetMailbox(name string) (backend.Mailbox, error) {
	if info, err := os.Stat(u.mail.dir(u.address, name)); err != nil || !info.IsDir() {
		return nil, backend.ErrNoSuchMailbox
	}
	return &mailbox{u, name}, nil
}

func (u *imapUser) CreateMailbox(name string) error {
	err := os.Mkdir(u.mail.dir(u.address, strings.TrimSuffix(name, delimiter)), 0o700)
	if os.IsExist(err) {
		return backend.ErrMailboxAlreadyExists
	}
	return err
}

func (u *imapUser) DeleteMailbox(name string) error {
	if _, err := u.GetMailbox(name); err != nil {
		return err
	}
	if name == "INBOX" {
		return errNoInbox
	}
	return os.RemoveAll(u.mail.dir(u.address, name))
}

func (u *imapUser) RenameMailbox(from, to string) error {
	if _, err := u.GetMailbox(from); err != nil {
		return err
	}
	if _, err := u.GetMailbox(to); err == nil {
		return backend.ErrMailboxAlreadyExists
	}
	if from == "INBOX" {
		return errNoInbox
	}
	return os.Rename(u.mail.dir(u.address, from), u.mail.dir(u.address, to))
}
