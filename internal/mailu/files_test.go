package mailu

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote/remotetest"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func site() Site {
	return Site{
		Hostname: "mail.tenant.example", Domain: "tenant.example", BindAddress4: netip.MustParseAddr("0.0.0.0"),
		Exempt:        []netip.Prefix{netip.MustParsePrefix("198.51.100.7/32"), netip.MustParsePrefix("2001:db8::/64")},
		Administrator: "admin@tenant.example", InitialPassword: secret.New("initial_PW-1"),
		APIToken: secret.New("api-token_1"), SecretKey: secret.New("secret-key_16chr"),
		Keys: map[string]secret.String{"tenant.example": secret.New("KEY ONE"), "second.example": secret.New("KEY TWO")},
		Pair: &Pair{Chain: "CHAIN", Key: secret.New("CHAIN KEY")},
	}
}

func TestFiles(t *testing.T) {
	files, err := site().Files()
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	content := map[string]string{}
	for _, f := range files {
		paths = append(paths, f.Path)
		content[f.Path] = f.Content.Reveal()
		if f.Mode != 0o600 {
			t.Errorf("%s has mode %v", f.Path, f.Mode)
		}
	}
	want := []string{
		"/mailu/mailu.env", "/mailu/dkim/second.example.dkim.key", "/mailu/dkim/tenant.example.dkim.key",
		"/mailu/certs/cert.pem", "/mailu/certs/key.pem", "/mailu/docker-compose.yml",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	if content["/mailu/dkim/tenant.example.dkim.key"] != "KEY ONE" || content["/mailu/certs/key.pem"] != "CHAIN KEY" {
		t.Error("keys are mixed up")
	}
	golden(t, "mailu.env", content["/mailu/mailu.env"])
	golden(t, "docker-compose.yml", content["/mailu/docker-compose.yml"])
}

func TestFlavorWithoutCertificate(t *testing.T) {
	s := site()
	s.Pair = nil
	files, err := s.Files()
	if err != nil || !strings.Contains(files[0].Content.Reveal(), "\nTLS_FLAVOR=letsencrypt\n") {
		t.Errorf("mailu.env does not ask for a certificate: %v", err)
	}
}

// What would mean something to a shell, to docker compose or to another line of the file is refused.
func TestFilesRefuse(t *testing.T) {
	for name, break_ := range map[string]func(*Site){
		"a quote in the password":  func(s *Site) { s.InitialPassword = secret.New("PLANTED'; reboot; '") },
		"no password":              func(s *Site) { s.InitialPassword = secret.String{} },
		"a dollar in the token":    func(s *Site) { s.APIToken = secret.New("PLANTED$HOME") },
		"a newline in the key":     func(s *Site) { s.SecretKey = secret.New("PLANTED\nAPI=false") },
		"a newline in the host":    func(s *Site) { s.Hostname = "mail.tenant.example\nAPI=false" },
		"a blank in the domain":    func(s *Site) { s.Domain = "tenant example" },
		"a shell in the user":      func(s *Site) { s.Administrator = "$(reboot)@tenant.example" },
		"an upper-case user":       func(s *Site) { s.Administrator = "Admin@tenant.example" },
		"no user":                  func(s *Site) { s.Administrator = "" },
		"an IPv6 bind address":     func(s *Site) { s.BindAddress4 = netip.IPv6Unspecified() },
		"a path in a DKIM domain":  func(s *Site) { s.Keys["../../etc/passwd"] = secret.New("x") },
		"a host without a dot":     func(s *Site) { s.Hostname = "mail" },
		"an address as a hostname": func(s *Site) { s.Hostname = "192.0.2.1" },
	} {
		t.Run(name, func(t *testing.T) {
			s := site()
			break_(&s)
			_, err := s.Files()
			if !fault.Is(err, fault.InvalidInput) && !fault.Is(err, fault.CredentialMissing) {
				t.Fatalf("err = %v, want a refusal", err)
			}
			if strings.Contains(err.Error(), "PLANTED") {
				t.Errorf("the error shows the value: %v", err)
			}
		})
	}
}

// The compose file must take from mailu.env every variable that it names, and pin every image.
func TestComposeFile(t *testing.T) {
	env, err := site().env()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`\$\{([A-Z0-9_]+):\?\}`).FindAllStringSubmatch(compose, -1) {
		if !strings.Contains("\n"+env, "\n"+name[1]+"=") {
			t.Errorf("%s is not in mailu.env", name[1])
		}
	}
	var parsed struct {
		Services map[string]struct {
			Image string `yaml:"image"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(compose), &parsed); err != nil {
		t.Fatal(err)
	}
	for _, service := range []string{"front", "admin", "imap", "smtp", "antispam", "redis", "webmail", "resolver"} {
		image := parsed.Services[service].Image
		if !strings.HasPrefix(image, "ghcr.io/mailu/") && service != "redis" || !strings.Contains(image, ":") || strings.HasSuffix(image, ":latest") {
			t.Errorf("%s: image %q", service, image)
		}
	}
}

// pemBody is what differs from key to key.
var pemBody = regexp.MustCompile(`(?m)^(\s+)[A-Za-z0-9+/=]{30,}$`)

func TestUserData(t *testing.T) {
	hostKey, hostPublic := remotetest.NewKey(t)
	login, loginPublic := remotetest.NewKey(t)
	text, err := Machine{hostKey, hostPublic, loginPublic + " operator", "4711"}.UserData()
	if err != nil {
		t.Fatal(err)
	}
	// The first line of the body is the same in every such key.
	if strings.Contains(text, strings.Split(login.Reveal(), "\n")[3]) {
		t.Error("the login key is in the user-data")
	}
	var parsed struct {
		Keys map[string]string `yaml:"ssh_keys"`
	}
	if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
		t.Fatal(err)
	}
	if parsed.Keys["ed25519_private"] != hostKey.Reveal() || strings.TrimSpace(parsed.Keys["ed25519_public"]) != hostPublic {
		t.Error("the host key does not survive YAML")
	}
	text = strings.NewReplacer(hostPublic, "ssh-ed25519 HOST", loginPublic, "ssh-ed25519 LOGIN").Replace(text)
	golden(t, "user-data", pemBody.ReplaceAllString(text, "${1}…"))

	without, err := Machine{hostKey, hostPublic, loginPublic, ""}.UserData()
	if err != nil || strings.Contains(without, "mountpoint") || strings.Contains(without, "\nmounts:") {
		t.Errorf("without a volume there is still a mount, or %v", err)
	}
}

func TestUserDataRefuses(t *testing.T) {
	hostKey, hostPublic := remotetest.NewKey(t)
	_, other := remotetest.NewKey(t)
	for name, m := range map[string]Machine{
		"another public line": {hostKey, other, other, ""},
		"no login key":        {hostKey, hostPublic, "", ""},
		"no host key":         {secret.New("PLANTED"), hostPublic, other, ""},
		"a path as a volume":  {hostKey, hostPublic, other, "1/../../sda"},
	} {
		if _, err := m.UserData(); !fault.Is(err, fault.InvalidInput) || strings.Contains(err.Error(), "PLANTED") {
			t.Errorf("%s: %v, want InvalidInput", name, err)
		}
	}
}
