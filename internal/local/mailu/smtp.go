package mailu

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// smtpBackend takes mail: from users at the submission ports, and from other servers at port 25 for the domains here.
type smtpBackend struct {
	gate        *gate
	store       *store
	mail        *mailStore
	dkim        dkimKeys
	host        string
	queue       string // folder of mail for other servers
	now         func() time.Time
	port        int
	connections *connections
}

func (b *smtpBackend) inbound() bool { return b.port == 25 }

// NewSession begins with a new connection.
func (b *smtpBackend) NewSession(c *smtp.Conn) (smtp.Session, error) {
	one := &smtpSession{backend: b, helo: c.Hostname(), conn: c.Conn()}
	if peer, err := netip.ParseAddrPort(c.Conn().RemoteAddr().String()); err == nil {
		one.client = peer.Addr().Unmap()
	}
	if b.inbound() {
		return one, nil
	}
	return submission{one}, nil
}

// smtpSession is one connection; user is empty until it has logged in.
type smtpSession struct {
	backend *smtpBackend
	helo    string
	client  netip.Addr
	conn    net.Conn
	user    string
	from    string
	local   []string // recipients with a mailbox here
	remote  []string
}

// submission is a session that may, and must, log in.
type submission struct{ *smtpSession }

func (submission) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s submission) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(identity, user, password string) error {
		if identity != "" && identity != user {
			return smtp.ErrAuthFailed
		}
		a := attempt{user: user, password: password, protocol: "smtp", port: s.backend.port, client: s.client}
		if !s.backend.gate.admit(a).admitted {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: refusedText}
		}
		s.user = user
		s.backend.connections.loggedIn(s.conn.LocalAddr(), s.conn.RemoteAddr(), user, "smtp")
		return nil
	}), nil
}

// Mail takes the sender. Users send as themselves, unless they may spoof.
func (s *smtpSession) Mail(from string, _ *smtp.MailOptions) error {
	if !s.backend.inbound() {
		if s.user == "" {
			return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
		}
		if user, ok := s.backend.store.user(s.user); !ok || from != s.user && !user.AllowSpoofing {
			return &smtp.SMTPError{Code: 553, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: fmt.Sprintf("<%s>: Sender address rejected: not owned by user %s", from, s.user)}
		}
	}
	s.from = from
	return nil
}

// Rcpt takes a recipient with a mailbox here; users may also write to other servers.
func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	local, name, ok := splitAddress(to)
	name = strings.ToLower(name)
	_, ours := s.backend.store.domain(name)
	switch {
	case !ok:
		return &smtp.SMTPError{Code: 501, EnhancedCode: smtp.EnhancedCode{5, 1, 3}, Message: "Bad recipient address syntax"}
	case !ours && s.backend.inbound():
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: fmt.Sprintf("<%s>: Relay access denied", to)}
	case !ours:
		s.remote = append(s.remote, to)
		return nil
	}
	for _, spelling := range []string{local, strings.ToLower(local)} {
		if user, found := s.backend.store.user(spelling + "@" + name); found {
			s.local = append(s.local, user.Email)
			return nil
		}
	}
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: fmt.Sprintf("<%s>: Recipient address rejected: User unknown in virtual mailbox table", to)}
}

// Data signs what a user sends with the key of the sender's domain, and delivers.
func (s *smtpSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	b, now := s.backend, s.backend.now()
	var signed bytes.Buffer
	_, domainName, _ := splitAddress(s.from)
	if b.inbound() {
		signed.Write(text)
	} else if err := b.dkim.sign(domainName, &signed, bytes.NewReader(text)); err != nil {
		return err
	}
	trace := fmt.Sprintf("Received: from %s ([%s])\r\n\tby %s with ESMTPS; %s\r\n", s.helo, s.client, b.host, now.Format(time.RFC1123Z))
	for _, address := range s.local {
		head := fmt.Sprintf("Return-Path: <%s>\r\nDelivered-To: %s\r\n%s", s.from, address, trace)
		err = errors.Join(err, b.mail.add(address, "INBOX", nil, now, append([]byte(head), signed.Bytes()...)))
	}
	if len(s.remote) > 0 {
		head := fmt.Sprintf("X-Queued-For: %s\r\n%s", strings.Join(s.remote, ", "), trace)
		err = errors.Join(err, os.WriteFile(filepath.Join(b.queue, rand.Text()), append([]byte(head), signed.Bytes()...), 0o600))
	}
	return err
}

// Reset forgets the message that was under way.
func (s *smtpSession) Reset() { s.from, s.local, s.remote = "", nil, nil }

// Logout ends the session.
func (s *smtpSession) Logout() error { return nil }
