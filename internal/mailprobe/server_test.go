package mailprobe

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap"
	"github.com/emersion/go-imap/backend"
	"github.com/emersion/go-imap/backend/memory"
	imapserver "github.com/emersion/go-imap/server"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const (
	host     = "mail.tenant.example"
	username = "admin@tenant.example"
	password = "PLANTED-PASSWORD"
)

// mailServer is a whole one: IMAPS, submission on both ports, and the form of the webmail. What a test sets before its
// first connection goes wrong.
type mailServer struct {
	network Network

	mu        sync.Mutex // guards the mailbox, which one connection fills and another reads
	box       backend.Mailbox
	anything  bool // any password is accepted
	nothing   bool // no login is accepted at all
	loses     bool // mail is taken and not delivered
	rewrites  bool // mail arrives with another body
	noTLS     bool // 587 offers no STARTTLS
	cutsIMAP  bool // IMAP breaks off instead of answering a wrong password
	loginPage bool // the webmail redirects to its own form
	logins    int
}

func startMailServer(t *testing.T, change func(*mailServer)) *mailServer {
	t.Helper()
	s := &mailServer{}
	user, err := memory.New().Login(nil, "username", "password")
	if err != nil {
		t.Fatal(err)
	}
	if s.box, err = user.GetMailbox("INBOX"); err != nil {
		t.Fatal(err)
	}
	config := s.certificate(t)
	if change != nil {
		change(s)
	}

	silent := log.New(io.Discard, "", 0)
	imaps := imapserver.New(s)
	imaps.ErrorLog = silent
	s.network.Ports.IMAPS = serve(t, config, imaps.Serve, imaps.Close)

	smtps := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &submission{server: s}, nil }))
	smtps.ErrorLog = silent
	s.network.Ports.SMTPS = serve(t, config, smtps.Serve, smtps.Close)

	startTLS := smtp.NewServer(smtps.Backend)
	startTLS.ErrorLog = silent
	if !s.noTLS {
		startTLS.TLSConfig = config
	}
	s.network.Ports.Submission = serve(t, nil, startTLS.Serve, startTLS.Close)

	web := &http.Server{Handler: http.HandlerFunc(s.sso), ErrorLog: silent}
	s.network.Ports.HTTPS = serve(t, config, web.Serve, web.Close)
	return s
}

// serve runs one service on a port of loopback until the test ends.
func serve(t *testing.T, config *tls.Config, run func(net.Listener) error, stop func() error) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port = listener.Addr().(*net.TCPAddr).Port
	if config != nil {
		listener = tls.NewListener(listener, config)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = run(listener) }()
	t.Cleanup(func() { _ = stop(); _ = listener.Close(); <-done })
	return port
}

// certificate makes one for the host, and trusts it.
func (s *mailServer) certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s.network.Roots = x509.NewCertPool()
	s.network.Roots.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

var errCredentials = errors.New("invalid credentials: " + password)

func (s *mailServer) accepts(user, pass string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins++
	return !s.nothing && user == username && (s.anything || pass == password)
}

// Login is IMAP's.
func (s *mailServer) Login(_ *imap.ConnInfo, user, pass string) (backend.User, error) {
	if s.accepts(user, pass) {
		return mailUser{server: s}, nil
	}
	if s.cutsIMAP {
		panic("the connection breaks")
	}
	return nil, errCredentials
}

func (s *mailServer) sso(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/sso/login" || r.Host != host || r.FormValue("pwned") != "-1" || r.FormValue("submitAdmin") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if s.loginPage {
		http.Redirect(w, r, "/sso/login", http.StatusFound)
		return
	}
	if s.accepts(r.FormValue("email"), r.FormValue("pw")) {
		http.Redirect(w, r, "/admin", http.StatusFound)
		return
	}
	_, _ = io.WriteString(w, "Wrong e-mail or password")
}

// mailUser has one mailbox.
type mailUser struct{ server *mailServer }

func (u mailUser) Username() string { return username }
func (u mailUser) ListMailboxes(bool) ([]backend.Mailbox, error) {
	return []backend.Mailbox{inbox{u.server.box, u.server}}, nil
}
func (u mailUser) GetMailbox(string) (backend.Mailbox, error) {
	return inbox{u.server.box, u.server}, nil
}
func (u mailUser) CreateMailbox(string) error         { return errors.ErrUnsupported }
func (u mailUser) DeleteMailbox(string) error         { return errors.ErrUnsupported }
func (u mailUser) RenameMailbox(string, string) error { return errors.ErrUnsupported }
func (u mailUser) Logout() error                      { return nil }

// inbox locks the mailbox in memory, which does not lock itself.
type inbox struct {
	backend.Mailbox
	server *mailServer
}

func (b inbox) SearchMessages(uid bool, c *imap.SearchCriteria) ([]uint32, error) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	return b.Mailbox.SearchMessages(uid, c)
}

func (b inbox) Status(items []imap.StatusItem) (*imap.MailboxStatus, error) {
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	return b.Mailbox.Status(items)
}

func (s *mailServer) messages() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.box.(*memory.Mailbox).Messages)
}

// submission is an SMTP session.
type submission struct {
	server     *mailServer
	identified bool
	recipient  string
}

func (s *submission) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *submission) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if s.identified = s.server.accepts(user, pass); !s.identified {
			return errCredentials
		}
		return nil
	}), nil
}

func (s *submission) Mail(from string, _ *smtp.MailOptions) error {
	if !s.identified || from != username {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *submission) Rcpt(to string, _ *smtp.RcptOptions) error { s.recipient = to; return nil }
func (s *submission) Reset()                                    {}
func (s *submission) Logout() error                             { return nil }

func (s *submission) Data(r io.Reader) error {
	message, err := io.ReadAll(r)
	if err != nil || s.recipient != username {
		return errors.Join(err, errors.New("no such mailbox"))
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	switch {
	case s.server.loses:
		return nil
	case s.server.rewrites:
		head, _, _ := bytes.Cut(message, []byte("\r\n\r\n"))
		message = append(head, "\r\n\r\nsomething else\r\n"...)
	}
	return s.server.box.CreateMessage(nil, time.Now(), bytes.NewBuffer(message))
}
