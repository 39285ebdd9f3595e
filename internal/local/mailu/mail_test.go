package mailu_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"testing"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/client"
	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const alice, alicePw = "alice@example.org", "Password-of-alice"

// withAlice is a server with two users at example.org.
func withAlice(t *testing.T) *running {
	t.Helper()
	r := newProject(t).start()
	r.addUser(alice, alicePw)
	r.addUser("carol@example.org", "Password-of-carol")
	return r
}

func (r *running) imap() *client.Client {
	r.t.Helper()
	c, err := client.DialTLS(r.Addr(993).String(), r.tls())
	if err != nil {
		r.t.Fatal(err)
	}
	c.ErrorLog = log.New(io.Discard, "", 0)   // a refused login is what some tests want
	r.t.Cleanup(func() { _ = c.Terminate() }) // broken already when the server was closed
	return c
}

// inbox logs in and fetches the messages as they are stored.
func (r *running) inbox(user, password string) (messages []string) {
	r.t.Helper()
	c := r.imap()
	if err := c.Login(user, password); err != nil {
		r.t.Fatal(err)
	}
	return fetchAll(r.t, c)
}

func fetchAll(t *testing.T, c *client.Client) (messages []string) {
	t.Helper()
	status, err := c.Select("INBOX", false)
	if err != nil {
		t.Fatal(err)
	}
	if status.Messages == 0 {
		return nil
	}
	all := new(imap.SeqSet)
	all.AddRange(1, 0)
	section := &imap.BodySectionName{}
	out := make(chan *imap.Message, status.Messages)
	if err := c.Fetch(all, []imap.FetchItem{imap.FetchUid, imap.FetchEnvelope, section.FetchItem()}, out); err != nil {
		t.Fatal(err)
	}
	for m := range out {
		text, err := io.ReadAll(m.GetBody(section))
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, string(text))
	}
	return messages
}

// submit opens a submission session, by TLS (465) or STARTTLS (587), not logged in yet.
func (r *running) submit(port int) *smtp.Client {
	r.t.Helper()
	dial := smtp.DialTLS
	if port == 587 {
		dial = smtp.DialStartTLS
	}
	c, err := dial(r.Addr(port).String(), r.tls())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() }) // as above
	return c
}

func message(from, to, subject string) string {
	return fmt.Sprintf("From: %s\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%s@test>\r\n\r\nHello.\r\n", from, to, subject, subject)
}

func TestSubmissionDelivers(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	if got := r.api("POST", "domain/example.org/dkim", ""); got.StatusCode != 200 {
		t.Fatal(got.body)
	}
	for _, port := range []int{465, 587} {
		c := r.submit(port)
		if err := c.Auth(sasl.NewPlainClient("", alice, alicePw)); err != nil {
			t.Fatal(err)
		}
		if err := c.SendMail(alice, []string{"carol@example.org", "away@example.net"}, strings.NewReader(message(alice, "carol@example.org", fmt.Sprint(port)))); err != nil {
			t.Fatal(err)
		}
	}
	messages := r.inbox("carol@example.org", "Password-of-carol")
	if len(messages) != 2 {
		t.Fatalf("%d messages arrived", len(messages))
	}
	for i, port := range []string{"465", "587"} {
		if !strings.Contains(messages[i], "\r\nSubject: "+port+"\r\n") || !strings.HasSuffix(messages[i], "\r\n\r\nHello.\r\n") {
			t.Errorf("what arrived:\n%s", messages[i])
		}
		r.checkSignature(messages[i])
	}
}

// checkSignature verifies the DKIM signature with the key that Mailu says should be in DNS.
func (r *running) checkSignature(message string) {
	r.t.Helper()
	record := func(name string) ([]string, error) {
		_, text, ok := strings.Cut(r.api("GET", "domain/example.org", "").body, name+`. 600 IN TXT \"`)
		text, _, _ = strings.Cut(text, `\"`)
		if !ok {
			return nil, fmt.Errorf("no record %s", name)
		}
		return []string{text}, nil
	}
	_, signed, _ := strings.Cut(message, "\r\n\tby mail.example.com")
	_, signed, _ = strings.Cut(signed, "\r\n")
	found, err := dkim.VerifyWithOptions(strings.NewReader(signed), &dkim.VerifyOptions{LookupTXT: record})
	if err != nil || len(found) != 1 || found[0].Err != nil || found[0].Domain != "example.org" {
		r.t.Errorf("signature: %+v, %v", found, err)
	}
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	if err := r.imap().Login(alice, "wrong"); err == nil || !strings.Contains(err.Error(), "Authentication credentials invalid") {
		t.Errorf("IMAP: %v", err)
	}
	for _, port := range []int{465, 587} {
		var refused *smtp.SMTPError
		if err := r.submit(port).Auth(sasl.NewPlainClient("", alice, "wrong")); !errors.As(err, &refused) || refused.Code != 535 {
			t.Errorf("%d: %v", port, err)
		}
		if err := r.submit(port).Mail(alice, nil); !errors.As(err, &refused) || refused.Code != 530 {
			t.Errorf("%d without a login: %v", port, err)
		}
	}
}

func TestNoForeignSender(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	c := r.submit(465)
	if err := c.Auth(sasl.NewPlainClient("", alice, alicePw)); err != nil {
		t.Fatal(err)
	}
	var refused *smtp.SMTPError
	if err := c.Mail("carol@example.org", nil); !errors.As(err, &refused) || refused.Code != 553 {
		t.Errorf("sent as carol: %v", err)
	}
}

func TestNoPasswordInClear(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	c, err := smtp.Dial(r.Addr(587).String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Hello("client.test"); err != nil {
		t.Fatal(err)
	}
	if ok, _ := c.Extension("AUTH"); ok {
		t.Error("a login is offered before STARTTLS")
	}
	if err := c.Auth(sasl.NewPlainClient("", alice, alicePw)); err == nil {
		t.Error("logged in without TLS")
	}
}

func TestIncomingMail(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	for _, secure := range []bool{false, true} {
		c, err := smtp.Dial(r.Addr(25).String())
		if secure {
			c, err = smtp.DialStartTLS(r.Addr(25).String(), r.tls())
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SendMail("friend@example.net", []string{alice}, strings.NewReader(message("friend@example.net", alice, "in"))); err != nil {
			t.Fatal(err)
		}
		for to, code := range map[string]int{"nobody@example.org": 550, "x@elsewhere.example": 554} {
			var refused *smtp.SMTPError
			if err := c.SendMail("friend@example.net", []string{to}, strings.NewReader("")); !errors.As(err, &refused) || refused.Code != code {
				t.Errorf("to %s: %v", to, err)
			}
		}
		if ok, _ := c.Extension("AUTH"); ok {
			t.Error("port 25 offers a login")
		}
	}
	if messages := r.inbox(alice, alicePw); len(messages) != 2 {
		t.Errorf("%d messages arrived", len(messages))
	}
}

func TestCertificateIsVerified(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	for name, config := range map[string]*tls.Config{
		"another CA":   {RootCAs: x509.NewCertPool(), ServerName: "mail.example.com"},
		"another name": {RootCAs: r.trust, ServerName: "mail.example.net"},
	} {
		for _, port := range []int{443, 465, 993} {
			if c, err := tls.Dial("tcp", r.Addr(port).String(), config); err == nil {
				_ = c.Close()
				t.Errorf("%s was accepted at %d", name, port)
			}
		}
		c, err := smtp.DialStartTLS(r.Addr(587).String(), config)
		if err == nil {
			err = c.Noop() // the handshake waits for the first command after STARTTLS
			_ = c.Close()
		}
		if err == nil {
			t.Errorf("%s was accepted at 587", name)
		}
	}
}

// TestOpenSessionSurvivesRotation: whoever is in stays in; only new logins need the new password.
func TestOpenSessionSurvivesRotation(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	reader, sender := r.imap(), r.submit(465)
	if err := reader.Login(alice, alicePw); err != nil {
		t.Fatal(err)
	}
	if err := sender.Auth(sasl.NewPlainClient("", alice, alicePw)); err != nil {
		t.Fatal(err)
	}
	r.setPassword(alice, "Password-two")
	if err := sender.SendMail(alice, []string{alice}, strings.NewReader(message(alice, alice, "after"))); err != nil {
		t.Error(err)
	}
	if messages := fetchAll(t, reader); len(messages) != 1 {
		t.Errorf("the open session sees %d messages", len(messages))
	}
	if err := r.imap().Login(alice, alicePw); err == nil {
		t.Error("the old password still opens new sessions")
	}
	if err := r.imap().Login(alice, "Password-two"); err != nil {
		t.Error(err)
	}
}

// TestMailbox goes through what a mail program does with messages.
func TestMailbox(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	c := r.imap()
	if err := c.Login(alice, alicePw); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"one", "two"} {
		if err := c.Append("INBOX", nil, r.clock(), bytes.NewBufferString(message(alice, alice, subject))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Select("INBOX", false); err != nil {
		t.Fatal(err)
	}
	search := imap.NewSearchCriteria()
	search.Header.Set("Message-ID", "<two@test>")
	uids, err := c.UidSearch(search)
	if err != nil || len(uids) != 1 || uids[0] != 2 {
		t.Fatalf("search: %v, %v", uids, err)
	}
	set := new(imap.SeqSet)
	set.AddNum(uids...)
	if err := c.UidCopy(set, "Sent"); err != nil {
		t.Fatal(err)
	}
	if err := c.UidStore(set, imap.FormatFlagsOp(imap.AddFlags, true), []any{imap.DeletedFlag}, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Expunge(nil); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint32{"INBOX": 1, "Sent": 1, "Trash": 0} {
		status, err := c.Status(name, []imap.StatusItem{imap.StatusMessages, imap.StatusUidNext})
		if err != nil || status.Messages != want {
			t.Errorf("%s has %+v, %v", name, status, err)
		}
		if name == "INBOX" && status.UidNext != 3 {
			t.Errorf("the uid of a deleted message is given again: %d", status.UidNext)
		}
	}
}
