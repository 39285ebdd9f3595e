package mailu_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func (p *project) remove(name string) {
	p.t.Helper()
	if err := os.Remove(filepath.Join(p.dir, name)); err != nil {
		p.t.Fatal(err)
	}
}

// TestBadProject: what would make Mailu's containers restart for ever ends the start with a line that names the fault.
func TestBadProject(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		says        string
	}{
		{"SECRET_KEY", "", "SECRET_KEY is not set"},
		{"DOMAIN", "not a domain", "DOMAIN"},
		{"HOSTNAMES", "mail.example.com,", "HOSTNAMES"},
		{"POSTMASTER", "", "POSTMASTER"},
		{"TLS_FLAVOR", "selfsigned", "TLS_FLAVOR"},
		{"MAILU_VERSION", "latest", "MAILU_VERSION"},
		{"MAILU_VERSION", "2024.06.1", `image of imap is "ghcr.io/mailu/dovecot:2024.06.57"`},
		{"BIND_ADDRESS4", "::1", "BIND_ADDRESS4"},
		{"AUTH_RATELIMIT_EXEMPTION", "10.0.0.0/8,everyone", "AUTH_RATELIMIT_EXEMPTION"},
		{"AUTH_RATELIMIT_IP", "many", "AUTH_RATELIMIT_IP"},
		{"INITIAL_ADMIN_DOMAIN", "", "belong together"},
		{"INITIAL_ADMIN_MODE", "always", "INITIAL_ADMIN_MODE"},
		{"INITIAL_ADMIN_PW", "it's-a-secret", "INITIAL_ADMIN_PW"},
	} {
		p := newProject(t)
		p.env[c.name] = c.value
		_, err := p.open()
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		}
		if err != nil && strings.Contains(err.Error(), "it's-a-secret") {
			t.Errorf("the error quotes a secret: %v", err)
		}
	}
}

func TestBadCompose(t *testing.T) {
	t.Parallel()
	for says, text := range map[string]string{
		"there is no service smtp":            strings.Replace(compose, "  smtp:", "  postfix:", 1),
		"ports of front":                      strings.Replace(compose, "${BIND_ADDRESS4}:25:25", "25-30", 1),
		"required variable BIND is missing":   strings.Replace(compose, "${BIND_ADDRESS4}", "${BIND:?}", 1),
		`the image of front is "mailu:latest`: strings.Replace(compose, "ghcr.io/mailu/nginx:${MAILU_VERSION}", "${IMAGE:-mailu:latest}", 1),
		"yaml":                                "services:\n  front: [",
	} {
		p := newProject(t)
		p.write("docker-compose.yml", text)
		if _, err := p.open(); err == nil || !strings.Contains(err.Error(), "docker-compose.yml: ") || !strings.Contains(err.Error(), says) {
			t.Errorf("want %s: %v", says, err)
		}
	}
	p := newProject(t)
	p.remove("docker-compose.yml")
	if _, err := p.open(); err == nil {
		t.Error("a project without a compose file was opened")
	}
}

// TestUnpublishedPort: a port that the compose file forgets cannot be reached.
func TestUnpublishedPort(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.write("docker-compose.yml", strings.Replace(compose, `      - "${BIND_ADDRESS4}:465:465"`+"\n", "", 1))
	r := p.start()
	if r.listens(465) || !r.listens(993) {
		t.Errorf("465 is open: %v, 993 is open: %v", r.listens(465), r.listens(993))
	}
}

func TestAPIOff(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.env["API"] = "false"
	r := p.start()
	for _, port := range []int{443, 8080} {
		if got := r.do("GET", r.url(port, "/api/v1/domain"), "", "Authorization", "Bearer "+apiToken); got.StatusCode != 404 {
			t.Errorf("port %d: %d", port, got.StatusCode)
		}
	}
}
