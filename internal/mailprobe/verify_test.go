package mailprobe

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

var execution = task.Execution{
	ARN: "arn:aws:states:eu-central-1:123456789012:execution:vps-recovery:1", StartedAt: time.Unix(1795485631, 0), State: "VerifyMailu",
}

var target = Target{Hostname: host, Address: "127.0.0.1"}

// every is the name of every check, in order.
var every = []string{
	"certificate", "webmail-login", "imap-login", "submission-465-login", "submission-587-login",
	"message-sent-and-fetched", "wrong-password-refused", "dkim-in-dns",
}

// verification is a run and what it may be told otherwise.
type verification struct {
	Verifier
	in VerifyInput
}

func verifying(t *testing.T, s *mailServer) *verification {
	key := "v=DKIM1; k=rsa; p=" + dkimKey(t)
	return &verification{
		Verifier: Verifier{
			Network: s.network,
			Credential: func(_ context.Context, tenantID, credentialID string) (Credential, error) {
				if tenantID != "tenant-1" || credentialID != "current" {
					return Credential{}, fault.CredentialStale.Tellf("smtp/%s/admin", tenantID)
				}
				return Credential{username, secret.New(password), "https://" + host + "/webmail"}, nil
			},
			LookupTXT: func(context.Context, string) ([]string, error) { return []string{key}, nil },
			Now:       time.Now,
		},
		in: VerifyInput{
			TenantID: "tenant-1", CredentialID: "current", Target: target,
			DKIM: []DKIM{{"dkim._domainkey.tenant.example", key}}, Execution: execution,
		},
	}
}

func (v *verification) run(ctx context.Context, t *testing.T) (Verified, string, error) {
	t.Helper()
	if err := v.in.Validate(); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	done, err := v.Verify(ctx, v.in)
	return done, log.String(), err
}

func TestVerify(t *testing.T) {
	s := startMailServer(t, nil)
	before := s.messages()
	done, log, err := verifying(t, s).run(t.Context(), t)
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	var names []string
	for _, c := range done.Checks {
		if !c.Passed {
			t.Errorf("%s did not pass", c.Name)
		}
		names = append(names, c.Name)
	}
	if !slices.Equal(names, every) {
		t.Errorf("checks %q, want %q", names, every)
	}
	if after := s.messages(); after != before {
		t.Errorf("%d messages are left behind", after-before)
	}
	if s.logins != 7 {
		t.Errorf("%d logins, want 7: rate limits count them", s.logins)
	}
}

// Each thing that a server can do wrong fails the check that is about it, and no other.
func TestVerifyFindsWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		server func(*mailServer)
		run    func(*verification)
		want   []string
	}{
		"any password opens": {server: func(s *mailServer) { s.anything = true }, want: []string{"wrong-password-refused"}},
		"a broken connection is no refusal": {server: func(s *mailServer) { s.cutsIMAP = true },
			want: []string{"wrong-password-refused"}},
		"no password opens": {server: func(s *mailServer) { s.nothing = true },
			want: []string{"webmail-login", "imap-login", "submission-465-login", "submission-587-login", "message-sent-and-fetched"}},
		"mail is rewritten":      {server: func(s *mailServer) { s.rewrites = true }, want: []string{"message-sent-and-fetched"}},
		"587 without STARTTLS":   {server: func(s *mailServer) { s.noTLS = true }, want: []string{"submission-587-login"}},
		"webmail shows its form": {server: func(s *mailServer) { s.loginPage = true }, want: []string{"webmail-login"}},
		"webmail elsewhere": {run: func(v *verification) {
			credential := v.Credential
			v.Credential = func(ctx context.Context, a, b string) (Credential, error) {
				c, err := credential(ctx, a, b)
				c.WebmailURL = "https://phish.example/webmail"
				return c, err
			}
		}, want: []string{"webmail-login"}},
		"another key in DNS": {run: func(v *verification) { v.in.DKIM[0].Value = "v=DKIM1; k=rsa; p=" + dkimKey(t) }, want: []string{"dkim-in-dns"}},
		"DNS does not answer": {run: func(v *verification) {
			v.LookupTXT = func(context.Context, string) ([]string, error) { return nil, errors.New("SERVFAIL") }
		}, want: []string{"dkim-in-dns"}},
		"a certificate of another host": {run: func(v *verification) { v.in.Target.Hostname = "mail.other.example" }, want: every[:7]},
		"an unknown authority":          {run: func(v *verification) { v.Network.Roots = x509.NewCertPool() }, want: every[:7]},
	} {
		t.Run(name, func(t *testing.T) {
			s := startMailServer(t, c.server)
			v := verifying(t, s)
			if c.run != nil {
				c.run(v)
			}
			_, log, err := v.run(t.Context(), t)
			if !fault.Is(err, fault.MailNotVerified) || fault.Of(err).Public != "failed: "+strings.Join(c.want, ", ") {
				t.Errorf("err = %v, want failed: %s", err, strings.Join(c.want, ", "))
			}
			if strings.Contains(log+err.Error(), password) {
				t.Errorf("the password is in the log:\n%s", log)
			}
		})
	}
}

// Mail that is lost is waited for as long as the step has time, and no longer.
func TestVerifyLostMail(t *testing.T) {
	s := startMailServer(t, func(s *mailServer) { s.loses = true })
	v := verifying(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	_, _, err := v.run(ctx, t)
	if !fault.Is(err, fault.MailNotVerified) || !strings.Contains(err.Error(), "message-sent-and-fetched") {
		t.Errorf("err = %v, want the message to be missed", err)
	}
}

func TestVerifyWithoutACredential(t *testing.T) {
	s := startMailServer(t, nil)
	v := verifying(t, s)
	v.in.CredentialID = "old"
	if _, _, err := v.run(t.Context(), t); !fault.Is(err, fault.CredentialStale) || s.logins != 0 {
		t.Errorf("err = %v after %d logins, want CredentialStale before any", err, s.logins)
	}
}

func TestProbe(t *testing.T) {
	s := startMailServer(t, nil)
	in := ProbeInput{Target: target, ServerID: "4711", Checks: 1, Execution: execution}
	asked := power{}
	p := Prober{Network: s.network, Power: asked, RebootChecks: 3, Now: time.Now}
	found, err := p.Probe(t.Context(), in)
	if err != nil || !found.Well || len(found.Ports) != 4 || found.Checks != 2 || found.Over || len(asked) != 0 {
		t.Errorf("Probe = %+v, %v; want all well, and the provider left alone", found, err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.Network.Ports.IMAPS = closed.Addr().(*net.TCPAddr).Port
	_ = closed.Close()
	in.Checks = 2
	found, err = p.Probe(t.Context(), in)
	if err != nil || found.Well || found.State != "off" || !found.Over || asked["4711"] != 1 {
		t.Errorf("Probe = %+v, %v; want not well", found, err)
	}
	for _, port := range found.Ports {
		if refused := port.Port == p.Network.Ports.IMAPS; port.Open == refused || refused && port.Why != "refused" {
			t.Errorf("%+v", port)
		}
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	if found, err = p.Probe(ctx, in); err != nil || found.Well || found.Ports[0].Why != "timeout" {
		t.Errorf("out of time: %+v, %v", found, err)
	}
	in.ServerID = ""
	if in.Validate() == nil {
		t.Error("a server without a name is accepted")
	}
}

// power is a provider that says "off", and notes about which server it was asked.
type power map[string]int

func (p power) State(_ context.Context, serverID string) (string, error) {
	p[serverID]++
	return "off", nil
}

// A server whose host is gone answers nothing at all, as one does here whose queue of connections is full.
func TestKnockIsAsPatientAsItIsTold(t *testing.T) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(socket) //nolint:errcheck // nothing was written to it
	if err := errors.Join(unix.Bind(socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(socket, 0)); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	port := at.(*unix.SockaddrInet4).Port
	first, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) // the queue holds one
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	started := time.Now()
	p := Prober{Now: time.Now, Network: Network{Patience: 50 * time.Millisecond, Ports: Ports{port, port, port, port}}}
	found := p.Knock(t.Context(), Target{Hostname: "example.com", Address: "127.0.0.1"})
	for _, port := range found.Ports {
		if port.Open || port.Why != "timeout" {
			t.Errorf("%+v", port)
		}
	}
	if took := time.Since(started); found.Well || took > patience/2 {
		t.Errorf("well %v after %v", found.Well, took)
	}
}

func TestUsualPorts(t *testing.T) {
	if p := (Ports{}); p.https() != 443 || p.smtps() != 465 || p.submission() != 587 || p.imaps() != 993 {
		t.Errorf("%d %d %d %d", p.https(), p.smtps(), p.submission(), p.imaps())
	}
}

func TestValidate(t *testing.T) {
	good := verifying(t, &mailServer{}).in
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*VerifyInput){
		"tenant_id":       func(in *VerifyInput) { in.TenantID = "" },
		"credential_id":   func(in *VerifyInput) { in.CredentialID = "" },
		"target.hostname": func(in *VerifyInput) { in.Target.Hostname = "" },
		"target.address":  func(in *VerifyInput) { in.Target.Address = host },
		"dkim":            func(in *VerifyInput) { in.DKIM = nil },
		"execution.state": func(in *VerifyInput) { in.Execution.State = "" },
	} {
		in := good
		spoil(&in)
		if err := in.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.HasPrefix(name, "target") {
			if err := (ProbeInput{Target: in.Target, ServerID: "1", Execution: execution}).Validate(); err == nil {
				t.Errorf("ProbeInput takes a bad %s", name)
			}
		}
	}
}
