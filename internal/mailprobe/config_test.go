package mailprobe

import (
	"encoding/base64"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

func TestNetworkTrustsTheConfiguredAuthority(t *testing.T) {
	if network, err := (Config{}).Network(); err != nil || network.Roots != nil {
		t.Errorf("without an authority: %+v, %v; want the system's", network, err)
	}
	served := httptest.NewTLSServer(http.NotFoundHandler())
	defer served.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: served.Certificate().Raw})
	network, err := Config{CACertificate: base64.StdEncoding.EncodeToString(certificate)}.Network()
	if err != nil {
		t.Fatal(err)
	}
	at := Target{Hostname: "example.com", Address: "127.0.0.1"} // the name in httptest's certificate
	port := served.Listener.Addr().(*net.TCPAddr).Port
	conn, err := network.dialTLS(t.Context(), at, port)
	if err != nil {
		t.Fatalf("its own authority: %v", err)
	}
	_ = conn.Close()
	if _, err := (Network{}).dialTLS(t.Context(), at, port); err == nil {
		t.Error("the system's authorities know the test's certificate")
	}
}

func TestNetworkRefusesWhatIsNoAuthority(t *testing.T) {
	for name, value := range map[string]string{
		"not base64": "-----BEGIN CERTIFICATE-----",
		"not PEM":    base64.StdEncoding.EncodeToString([]byte("words")),
	} {
		if _, err := (Config{CACertificate: value}).Network(); !fault.Is(err, fault.InvalidConfiguration) {
			t.Errorf("%s: %v, want InvalidConfiguration", name, err)
		}
	}
}

func TestLookupTXTAsksTheConfiguredResolver(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started, ended := make(chan struct{}), make(chan error, 1)
	resolver := &dns.Server{
		PacketConn: conn, NotifyStartedFunc: func() { close(started) },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, asked *dns.Msg) {
			m := new(dns.Msg)
			m.SetReply(asked)
			if q := asked.Question[0]; q.Name == "dkim._domainkey.tenant.example.org." && q.Qtype == dns.TypeTXT {
				head := dns.RR_Header{Name: q.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}
				m.Answer = append(m.Answer, &dns.TXT{Hdr: head, Txt: []string{"v=DKIM1; ", "p=AAAA"}})
			} else {
				m.Rcode = dns.RcodeNameError
			}
			_ = w.WriteMsg(m)
		}),
	}
	go func() { ended <- resolver.ActivateAndServe() }()
	<-started
	defer func() {
		if err := resolver.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	config := Config{Resolver: conn.LocalAddr().String()}
	got, err := config.LookupTXT(t.Context(), "dkim._domainkey.tenant.example.org.")
	if err != nil || !slices.Equal(got, []string{"v=DKIM1; p=AAAA"}) {
		t.Errorf("LookupTXT = %q, %v", got, err)
	}
	if got, err := config.LookupTXT(t.Context(), "nowhere.example.org."); err == nil {
		t.Errorf("a name that is not there has %q", got)
	}
}
