package mailu

import (
	"bytes"
	_ "embed"
	"fmt"
	"io/fs"
	"net/netip"
	"regexp"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Version is the Mailu release that every server runs: the one whose answers were recorded.
const Version = "2024.06.57"

// home is the folder of everything that makes the server this tenant's: on a volume, where there is one, it moves.
const home = "/mailu"

// Selector is the DKIM selector of every domain; Mailu has one for the whole server.
const Selector = "dkim"

// TLSFlavor is how Mailu comes by its certificate.
type TLSFlavor string

const (
	// Certificate: it lies in /mailu/certs. Everything works before DNS points to the server.
	Certificate TLSFlavor = "cert"
	// LetsEncrypt: Mailu fetches one itself, which needs DNS; until then its front serves nothing else, and only the
	// tunnel reaches the API.
	LetsEncrypt TLSFlavor = "letsencrypt"
)

// Site is everything that the files of one server say.
type Site struct {
	// Hostname is what MX records point to: "mail.tenant.example".
	Hostname string
	// Domain is the first mail domain: "tenant.example".
	Domain string
	// BindAddress4 is the IPv4 address of the mail ports; 0.0.0.0 is every one of the server.
	BindAddress4 netip.Addr
	// Exempt are networks that no login rate limit counts: the control plane's own.
	Exempt []netip.Prefix
	// Administrator is the first user, "admin@tenant.example".
	Administrator string
	// InitialPassword is the administrator's until the API sets the one from Vault. It stays in the file, so it must not
	// be that one: a password that leaks and is rotated would come back with the next empty database.
	InitialPassword secret.String
	APIToken        secret.String
	SecretKey       secret.String
	// Keys are the domains' DKIM private keys in PEM form, by domain.
	Keys map[string]secret.String
	// Pair is the TLS certificate; nil means LetsEncrypt.
	Pair *Pair
}

// Pair is a certificate chain and its private key, both in PEM form.
type Pair struct {
	Chain string
	Key   secret.String
}

// Flavor follows from what there is.
func (s Site) Flavor() TLSFlavor {
	if s.Pair == nil {
		return LetsEncrypt
	}
	return Certificate
}

// File is one file of a server; all are readable by root alone.
type File struct {
	Path    string
	Mode    fs.FileMode
	Content secret.String
}

//go:embed templates/docker-compose.yml
var compose string

// Files are what makes a machine with docker this tenant's mail server, in the order in which they are written: the
// compose file, which starts it all, is the last.
func (s Site) Files() ([]File, error) {
	env, err := s.env()
	if err != nil {
		return nil, err
	}
	files := []File{file("mailu.env", secret.New(env))}
	for domain, key := range sorted(s.Keys) {
		if !hostname.MatchString(domain) {
			return nil, fault.InvalidInput.Tellf("a mail domain is not one")
		}
		files = append(files, file("dkim/"+domain+"."+Selector+".key", key))
	}
	if s.Pair != nil {
		files = append(files, file("certs/cert.pem", secret.New(s.Pair.Chain)), file("certs/key.pem", s.Pair.Key))
	}
	return append(files, file("docker-compose.yml", secret.New(compose))), nil
}

func file(name string, content secret.String) File {
	return File{Path: home + "/" + name, Mode: 0o600, Content: content}
}

// Values of mailu.env pass shells, docker compose's interpolation and Python's configparser on their way; what is
// allowed means nothing to any of them.
var (
	hostname  = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	localPart = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	word      = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// env is mailu.env: the settings that Mailu's documentation of 2024.06 names, one a line.
func (s Site) env() (string, error) {
	local, domain, ok := splitAddress(s.Administrator)
	switch {
	case !hostname.MatchString(s.Hostname):
		return "", fault.InvalidInput.Tellf("the host name is not one")
	case !hostname.MatchString(s.Domain):
		return "", fault.InvalidInput.Tellf("a mail domain is not one")
	case !s.BindAddress4.Is4():
		return "", fault.InvalidInput.Tellf("the bind address is no IPv4 address")
	case !ok || !localPart.MatchString(local):
		return "", fault.CredentialMissing.Tellf("the administrator's user name is no plain address")
	}
	for name, value := range map[string]secret.String{
		"INITIAL_ADMIN_PW": s.InitialPassword, "API_TOKEN": s.APIToken, "SECRET_KEY": s.SecretKey,
	} {
		if !word.MatchString(value.Reveal()) {
			return "", fault.CredentialMissing.Tellf("%s holds other characters than A-Z a-z 0-9 _ -", name)
		}
	}
	exempt := make([]string, len(s.Exempt))
	for i, network := range s.Exempt {
		exempt[i] = network.String()
	}
	var b bytes.Buffer
	for _, line := range [][2]string{
		{"MAILU_VERSION", Version},
		{"COMPOSE_PROJECT_NAME", "mailu"},
		{"BIND_ADDRESS4", s.BindAddress4.String()},
		{"SUBNET", "192.168.203.0/24"},
		{"SECRET_KEY", s.SecretKey.Reveal()},
		{"DOMAIN", s.Domain},
		{"HOSTNAMES", s.Hostname},
		{"POSTMASTER", local},
		{"TLS_FLAVOR", string(s.Flavor())},
		// Since 2024.06 the ports of STARTTLS are off unless named; clients use 587.
		{"PORTS", "25,80,443,465,587,993,995,4190"},
		{"ADMIN", "true"},
		{"WEB_ADMIN", "/admin"},
		{"WEBMAIL", "roundcube"},
		{"WEB_WEBMAIL", "/webmail"},
		{"WEBROOT_REDIRECT", "/webmail"},
		{"API", "true"},
		{"WEB_API", "/api"},
		{"API_TOKEN", s.APIToken.Reveal()},
		{"WEBDAV", "none"},
		{"ANTIVIRUS", "none"},
		{"SCAN_MACROS", "false"},
		{"FETCHMAIL_ENABLED", "false"},
		{"DKIM_SELECTOR", Selector},
		{"INITIAL_ADMIN_ACCOUNT", local},
		{"INITIAL_ADMIN_DOMAIN", domain},
		{"INITIAL_ADMIN_PW", s.InitialPassword.Reveal()},
		// "update" would undo every change of the password at the next start.
		{"INITIAL_ADMIN_MODE", "ifmissing"},
		{"AUTH_RATELIMIT_EXEMPTION", strings.Join(exempt, ",")},
		{"CREDENTIAL_ROUNDS", "12"},
		{"DISABLE_STATISTICS", "True"},
		{"LOG_LEVEL", "WARNING"},
		{"TZ", "Etc/UTC"},
	} {
		fmt.Fprintf(&b, "%s=%s\n", line[0], line[1])
	}
	return b.String(), nil
}
