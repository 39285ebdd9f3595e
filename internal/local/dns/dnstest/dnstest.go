// Package dnstest is a name server for tests: it has the records that it is given, and no others.
package dnstest

import (
	"net"
	"testing"

	"github.com/miekg/dns"
)

// Serve answers from records, each a line of a zone file, until the test ends, and returns its host:port.
func Serve(t testing.TB, records ...string) (address string) {
	t.Helper()
	var all []dns.RR
	for _, line := range records {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rr)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started, ended := make(chan struct{}), make(chan error, 1)
	server := &dns.Server{
		PacketConn: conn, NotifyStartedFunc: func() { close(started) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, asked *dns.Msg) { _ = w.WriteMsg(reply(asked, all)) }),
	}
	go func() { ended <- server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return conn.LocalAddr().String()
}

func reply(asked *dns.Msg, all []dns.RR) *dns.Msg {
	m, q := new(dns.Msg), asked.Question[0]
	m.SetRcode(asked, dns.RcodeNameError)
	m.Authoritative = true
	for _, rr := range all {
		if rr.Header().Name != q.Name {
			continue
		}
		m.Rcode = dns.RcodeSuccess
		if rr.Header().Rrtype == q.Qtype {
			m.Answer = append(m.Answer, rr)
		}
	}
	return m
}
