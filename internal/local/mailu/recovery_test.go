package mailu_test

import (
	"net/netip"
	"strings"
	"testing"

	recovery "github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// TestFilesOfARecovery: the stand-in runs from exactly what a recovery writes.
func TestFilesOfARecovery(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	chain, key := p.certificate()
	site := recovery.Site{
		Hostname: "mail.example.com", Domain: "example.com", BindAddress4: netip.MustParseAddr(p.env["BIND_ADDRESS4"]),
		Exempt:        []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		Administrator: "admin@example.com", InitialPassword: secret.New(adminPassword), APIToken: secret.New(apiToken),
		SecretKey: secret.New("0123456789ABCDEF"),
		Pair:      &recovery.Pair{Chain: chain, Key: secret.New(key)},
	}
	files, err := site.Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		p.write(strings.TrimPrefix(f.Path, "/mailu/"), f.Content.Reveal())
	}
	p.env = nil // mailu.env is the recovery's
	r := p.start()
	for _, port := range []int{25, 80, 443, 465, 587, 993, 8080} {
		if r.Addr(port) == nil {
			t.Errorf("port %d is not served", port)
		}
	}
	if got := r.api("GET", "user/admin@example.com", ""); got.StatusCode != 200 || !strings.Contains(got.body, `"global_admin": true`) {
		t.Errorf("the administrator: %d", got.StatusCode)
	}
	if err := r.imap().Login("admin@example.com", adminPassword); err != nil {
		t.Error(err)
	}
}
