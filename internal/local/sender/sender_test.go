package sender

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/penguinmails/disaster-recovery/internal/local/dns/dnstest"
)

const port = 24025

// receiver is a tenant's mail server on an address of its own.
type receiver struct {
	address string
	refuse  *smtp.SMTPError // what a recipient is answered
	secure  *tls.Config     // without it there is no STARTTLS

	mu   sync.Mutex
	took []string // "under TLS: …" or "in clear: …"
	said int      // refusals
}

func newReceiver() *receiver {
	return &receiver{address: fmt.Sprintf("127.%d.%d.%d", 1+mathrand.IntN(250), mathrand.IntN(250), 1+mathrand.IntN(250))}
}

func (r *receiver) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secured := c.TLSConnectionState()
	return session{r, map[bool]string{true: "under TLS: ", false: "in clear: "}[secured] + c.Hostname() + ": "}, nil
}

type session struct {
	*receiver
	how string
}

func (s session) Mail(string, *smtp.MailOptions) error { return nil }
func (s session) Reset()                               {}
func (s session) Logout() error                        { return nil }

func (s session) Rcpt(string, *smtp.RcptOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		s.said++
		return s.refuse
	}
	return nil
}

func (s session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, s.how+string(text))
	return err
}

func (r *receiver) start(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", r.address, port))
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(r)
	server.TLSConfig, server.ErrorLog = r.secure, log.New(io.Discard, "", 0)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
}

func (r *receiver) answer(refusal *smtp.SMTPError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = refusal
}

func (r *receiver) messages() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.took
}

// named is a certificate that nobody could trust.
func named(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(-time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// world starts a sender in a world whose DNS has these records.
func world(t *testing.T, records ...string) *Sender {
	t.Helper()
	s, err := Start(Options{Resolver: dnstest.Serve(t, records...), Again: time.Millisecond, Port: port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var message = Message{From: "they@sender.example", To: "me@tenant.example", Subject: "Waiting", Text: "since yesterday"}

// attempted waits until a message was tried n times.
func attempted(t *testing.T, d *Delivery, n int) {
	t.Helper()
	ctx := soon(t)
	for tick := time.Tick(time.Millisecond); ; <-tick {
		if attempts, _ := d.State(); attempts >= n {
			return
		}
		if ctx.Err() != nil {
			t.Fatal("nothing is tried")
		}
	}
}

// soon is how long anything may take here.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestAMessageWaitsForADeadServer(t *testing.T) {
	r := newReceiver()
	r.secure = named(t)
	s := world(t, "tenant.example. MX 10 mail.tenant.example.", "mail.tenant.example. A "+r.address)
	d := s.Queue(message)
	attempted(t, d, 3)
	if _, last := d.State(); last == nil {
		t.Fatal("a dead server took a message")
	}
	r.answer(&smtp.SMTPError{Code: 450, Message: "come back later"})
	r.start(t)
	before, _ := d.State()
	attempted(t, d, before+3)
	if len(r.messages()) != 0 {
		t.Fatal("a server that says later took a message")
	}
	r.answer(nil)
	if err := d.Delivered(soon(t)); err != nil {
		t.Fatal(err)
	}
	if got := r.messages(); len(got) != 1 || !strings.HasPrefix(got[0], "under TLS: "+Name+": ") || !strings.Contains(got[0], "Subject: Waiting\r\n") || !strings.Contains(got[0], "since yesterday") {
		t.Errorf("what arrived: %q", got)
	}
}

func TestAMessageGoesToTheFirstHostThatTakesIt(t *testing.T) {
	dead, alive := newReceiver(), newReceiver()
	alive.start(t)
	s := world(t, "tenant.example. MX 20 b.tenant.example.", "tenant.example. MX 10 a.tenant.example.",
		"a.tenant.example. A "+dead.address, "b.tenant.example. A "+alive.address)
	if err := s.Queue(message).Delivered(soon(t)); err != nil {
		t.Fatal(err)
	}
	if got := alive.messages(); len(got) != 1 || !strings.HasPrefix(got[0], "in clear: ") {
		t.Errorf("what arrived: %q", got)
	}
}

func TestADomainWithoutMXIsItsOwnHost(t *testing.T) {
	r := newReceiver()
	r.start(t)
	s := world(t, "tenant.example. A "+r.address)
	if err := s.Queue(message).Delivered(soon(t)); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsRefusedForGoodIsNotTriedAgain(t *testing.T) {
	r := newReceiver()
	r.answer(&smtp.SMTPError{Code: 550, Message: "unknown"})
	r.start(t)
	for name, records := range map[string][]string{
		"unknown recipient": {"tenant.example. MX 10 mail.tenant.example.", "mail.tenant.example. A " + r.address},
		"no mail at all":    {"tenant.example. MX 0 ."},
	} {
		d := world(t, records...).Queue(message)
		if err := d.Delivered(soon(t)); err == nil {
			t.Errorf("%s: delivered", name)
		}
		if attempts, _ := d.State(); attempts != 1 {
			t.Errorf("%s: %d attempts", name, attempts)
		}
	}
}

func TestDeliveredGivesUpWithItsContext(t *testing.T) {
	s := world(t, "tenant.example. MX 10 mail.tenant.example.")
	d := s.Queue(message)
	attempted(t, d, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Delivered(ctx); err == nil {
		t.Error("a message for a host without an address was delivered")
	}
}

func TestItGreetsAndTakesNoMail(t *testing.T) {
	s := world(t)
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "220 "+Name) {
		t.Errorf("greeting %q, %v", line, err)
	}
	if err := smtp.SendMail(s.Addr, nil, "me@tenant.example", []string{"they@sender.example"}, strings.NewReader("\r\n")); err == nil {
		t.Error("mail was taken")
	}
}
