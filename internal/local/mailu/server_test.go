package mailu_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/mailu"
)

const (
	apiToken      = "an-api-token-of-a-test"
	adminPassword = "Initial-admin_password"
	compose       = `services:
  front:
    image: ghcr.io/mailu/nginx:${MAILU_VERSION}
    env_file: mailu.env
    ports:
      - "${BIND_ADDRESS4}:25:25"
      - "${BIND_ADDRESS4}:80:80"
      - "${BIND_ADDRESS4}:443:443"
      - "${BIND_ADDRESS4}:465:465"
      - {target: 587, published: "587", host_ip: "${BIND_ADDRESS4}"}
      - "${BIND_ADDRESS4}:993:993/tcp"
  admin: {image: "ghcr.io/mailu/admin:${MAILU_VERSION:-2024.06}"}
  imap: {image: "ghcr.io/mailu/dovecot:2024.06.57"}
  smtp: {image: "ghcr.io/mailu/postfix:$MAILU_VERSION"}
`
)

// project is a server's folder in the making; env is what mailu.env will say.
type project struct {
	t     *testing.T
	dir   string
	env   map[string]string
	trust *x509.CertPool
	clock func() time.Time
}

// newProject is what a recovery would write for mail.example.com, on an address of 127.0.0.0/8 of its own.
func newProject(t *testing.T) *project {
	t.Helper()
	p := &project{t: t, dir: t.TempDir(), trust: x509.NewCertPool(), clock: time.Now, env: map[string]string{
		"SECRET_KEY": "0123456789ABCDEF", "DOMAIN": "example.com", "HOSTNAMES": "mail.example.com", "POSTMASTER": "admin",
		"DMARC_RUA": "admin", "DMARC_RUF": "admin", "TLS_FLAVOR": "cert", "WEBMAIL": "roundcube", "MAILU_VERSION": "2024.06.57",
		"API": "true", "API_TOKEN": apiToken,
		"INITIAL_ADMIN_ACCOUNT": "admin", "INITIAL_ADMIN_DOMAIN": "example.com", "INITIAL_ADMIN_PW": adminPassword,
		"INITIAL_ADMIN_MODE": "ifmissing",
		"BIND_ADDRESS4":      fmt.Sprintf("127.%d.%d.%d", 1+mathrand.IntN(250), mathrand.IntN(250), 1+mathrand.IntN(250)),
	}}
	p.write("docker-compose.yml", compose)
	cert, key := p.certificate()
	p.write("certs/cert.pem", cert)
	p.write("certs/key.pem", key)
	return p
}

func (p *project) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// certificate makes one for mail.example.com that the project's clients trust.
func (p *project) certificate() (certPEM, keyPEM string) {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.com"}, DNSNames: []string{"mail.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		p.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		p.t.Fatal(err)
	}
	p.trust.AddCert(cert)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

func (p *project) tls() *tls.Config {
	return &tls.Config{RootCAs: p.trust, ServerName: "mail.example.com"}
}

// open reads the folder as the command does, after writing env, if there is one, into it.
func (p *project) open() (mailu.Project, error) {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(p.env)) {
		lines = append(lines, name+"="+p.env[name])
	}
	if lines != nil {
		p.write("mailu.env", strings.Join(lines, "\n")+"\n")
	}
	return mailu.OpenProject(p.dir)
}

// running is a started server and how to speak to it.
type running struct {
	*project
	*mailu.Server
	web *http.Client // keeps cookies out, follows no redirect
}

const portOffset = 20000

// start runs the project until the test ends, or until Close.
func (p *project) start() *running {
	p.t.Helper()
	opened, err := p.open()
	if err != nil {
		p.t.Fatal(err)
	}
	server, err := mailu.Start(opened, mailu.Options{PortOffset: portOffset, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return p.clock() }})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := server.Close(); err != nil {
			p.t.Error(err)
		}
	})
	transport := &http.Transport{TLSClientConfig: p.tls()}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &running{p, server, &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// url is an address at the front (443) or at the admin container (8080).
func (r *running) url(port int, path string) string {
	scheme := map[int]string{80: "http", 443: "https", 8080: "http"}[port]
	return scheme + "://" + r.Addr(port).String() + path
}

// reply is an answer that was read to its end.
type reply struct {
	*http.Response
	body string
}

func (r *running) do(method, url, body string, header ...string) reply {
	r.t.Helper()
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := r.web.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply{response, string(text)}
}

// api calls the API at the admin container's port with the right token.
func (r *running) api(method, path, body string) reply {
	r.t.Helper()
	return r.do(method, r.url(8080, "/api/v1/"+path), body, "Authorization", "Bearer "+apiToken, "Content-Type", "application/json")
}

// addUser makes a domain (unless it is there) and a user in it.
func (r *running) addUser(address, password string) {
	r.t.Helper()
	_, domain, _ := strings.Cut(address, "@")
	if got := r.api("POST", "domain", fmt.Sprintf(`{"name":%q}`, domain)); got.StatusCode != 200 && got.StatusCode != 409 {
		r.t.Fatalf("create domain: %d %s", got.StatusCode, got.body)
	}
	if got := r.api("POST", "user", fmt.Sprintf(`{"email":%q,"raw_password":%q}`, address, password)); got.StatusCode != 200 {
		r.t.Fatalf("create user: %d %s", got.StatusCode, got.body)
	}
}

func (r *running) setPassword(address, password string) {
	r.t.Helper()
	if got := r.api("PATCH", "user/"+address, fmt.Sprintf(`{"raw_password":%q}`, password)); got.StatusCode != 200 {
		r.t.Fatalf("set password: %d %s", got.StatusCode, got.body)
	}
}

// listens tells whether a port is served.
func (r *running) listens(port int) bool {
	c, err := net.Dial("tcp", net.JoinHostPort(r.env["BIND_ADDRESS4"], strconv.Itoa(port+portOffset)))
	if err != nil {
		return false
	}
	_ = c.Close() // it was only to see whether somebody answers
	return true
}
