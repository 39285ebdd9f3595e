package sender

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

// patience is how long one attempt at one host may take.
const patience = 20 * time.Second

// deliver makes one attempt: at the hosts that the MX records of the recipient's domain name, the preferred one first.
func (s *Sender) deliver(m Message) error {
	_, domain, _ := strings.Cut(m.To, "@")
	hosts, err := s.exchangers(domain)
	if err != nil {
		return err
	}
	var failed []error
	for _, host := range hosts {
		err := s.hand(host, m)
		var refusal *smtp.SMTPError
		if err == nil || errors.As(err, &refusal) && !refusal.Temporary() {
			return err
		}
		failed = append(failed, fmt.Errorf("%s: %w", host, err))
	}
	return errors.Join(failed...)
}

func (s *Sender) resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.options.Resolver)
	}}
}

// exchangers are the mail hosts of a domain; one without MX is its own (RFC 5321, section 5.1).
func (s *Sender) exchangers(domain string) ([]string, error) {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	records, err := s.resolver().LookupMX(ctx, domain)
	var none *net.DNSError
	if errors.As(err, &none) && none.IsNotFound {
		return []string{domain}, nil
	}
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, mx := range records { // sorted by preference
		if mx.Host == "." { // RFC 7505
			return nil, &smtp.SMTPError{Code: 556, EnhancedCode: smtp.EnhancedCode{5, 1, 10}, Message: "The domain takes no mail"}
		}
		hosts = append(hosts, strings.TrimSuffix(mx.Host, "."))
	}
	return hosts, nil
}

// hand gives the message to one host.
func (s *Sender) hand(host string, m Message) error {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	session, err := s.greet(ctx, host)
	if err != nil {
		return err
	}
	defer session.Close()
	message := fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\n\r\n%s\r\n", m.From, m.To, m.Subject, m.Text)
	if err := session.SendMail(m.From, []string{m.To}, strings.NewReader(message)); err != nil {
		return err
	}
	_ = session.Quit() // the message is theirs, however they say goodbye
	return nil
}

// greet opens a session under TLS, and in clear with a host that has none. Which certificate it is nobody asks: between
// mail servers TLS keeps listeners out and proves no name (RFC 7435).
func (s *Sender) greet(ctx context.Context, host string) (*smtp.Client, error) {
	conn, err := s.dial(ctx, host)
	if err != nil {
		return nil, err
	}
	session, err := smtp.NewClientStartTLS(conn, &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err == nil {
		if err = session.Hello(Name); err == nil {
			return session, nil
		}
		_ = session.Close()
	}
	if conn, err = s.dial(ctx, host); err != nil {
		return nil, err
	}
	session = smtp.NewClient(conn)
	if err := session.Hello(Name); err != nil {
		_ = session.Close()
		return nil, err
	}
	return session, nil
}

func (s *Sender) dial(ctx context.Context, host string) (net.Conn, error) {
	dialer := &net.Dialer{Resolver: s.resolver()}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(s.options.Port)))
	if err == nil {
		context.AfterFunc(ctx, func() { _ = conn.Close() })
	}
	return conn, err
}
