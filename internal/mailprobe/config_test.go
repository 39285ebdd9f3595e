package mailprobe

import (
	"encoding/base64"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/local/dns/dnstest"
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
	config := Config{Resolver: dnstest.Serve(t, `dkim._domainkey.tenant.example.org. TXT "v=DKIM1; " "p=AAAA"`)}
	got, err := config.LookupTXT(t.Context(), "dkim._domainkey.tenant.example.org.")
	if err != nil || !slices.Equal(got, []string{"v=DKIM1; p=AAAA"}) {
		t.Errorf("LookupTXT = %q, %v", got, err)
	}
	if got, err := config.LookupTXT(t.Context(), "nowhere.example.org."); err == nil {
		t.Errorf("a name that is not there has %q", got)
	}
}
