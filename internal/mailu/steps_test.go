package mailu

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
)

func TestConfigure(t *testing.T) {
	w := newWorld(t)
	w.prepared(t)
	done, err := w.configure(t, true)
	if err != nil {
		t.Fatal(err)
	}
	if done.Files != 5 || done.TLSFlavor != Certificate || done.Server.HostKey == w.server.HostKey || done.Server.Address != w.server.Address {
		t.Errorf("Configured = %+v", done)
	}
	env, err := os.ReadFile(w.server.Path("/mailu/mailu.env"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"API_TOKEN=" + apiTokenText, "INITIAL_ADMIN_ACCOUNT=bob", "INITIAL_ADMIN_MODE=ifmissing", "HOSTNAMES=mail.tenant.example.org"} {
		if !strings.Contains(string(env), line+"\n") {
			t.Errorf("mailu.env has no %s", line)
		}
	}
	if strings.Contains(string(env), password) {
		t.Error("the tenant's password lies on the server's disk")
	}
	info, err := os.Stat(w.server.Path("/mailu/dkim/tenant.example.org.dkim.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the DKIM key: %v, %v", info, err)
	}

	// A retry after a lost answer still knows the bootstrap key only. It must end the same way.
	again, err := w.configure(t, true)
	if err != nil || again != done {
		t.Errorf("again: %+v, %v; want %+v", again, err, done)
	}
	second, err := os.ReadFile(w.server.Path("/mailu/mailu.env"))
	if err != nil || !bytes.Equal(env, second) {
		t.Errorf("the second run wrote another mailu.env, %v", err)
	}
	if want := []string{restartSSH, composeUp, composeUp}; !slices.Equal(w.server.Ran(), want) {
		t.Errorf("ran %q, want %q", w.server.Ran(), want)
	}
	if _, err := remote.Dial(t.Context(), w.server.Address, sshUser, w.server.Key, done.Server.HostKey); err != nil {
		t.Errorf("the key that was handed on does not open the server: %v", err)
	}
}

func TestConfigureWaitsForTheFirstBoot(t *testing.T) {
	w := newWorld(t)
	if _, err := w.configure(t, true); !fault.Is(err, fault.ServerUnreachable) {
		t.Fatalf("err = %v, want ServerUnreachable", err)
	}
	if ran := w.server.Ran(); len(ran) > 0 {
		t.Errorf("ran %q on a server that is not prepared", ran)
	}
}

func TestConfigureAServerThatExists(t *testing.T) {
	w := newWorld(t)
	delete(w.vault, "vps/tenant-1/tls")
	done, err := w.configure(t, false)
	if err != nil || done.Server.HostKey != w.server.HostKey || done.TLSFlavor != LetsEncrypt || done.Files != 3 {
		t.Errorf("Configured = %+v, %v", done, err)
	}
}

// Whatever is wrong with the credentials is found before the server is touched.
func TestConfigureRefuses(t *testing.T) {
	expired, expiredKey := certificate(t, tenant.Hostname, now.Add(-time.Minute))
	foreign, foreignKey := certificate(t, "mail.other.example", now.Add(time.Hour))
	for name, c := range map[string]struct {
		path   string
		fields map[string]any
		want   fault.Name
	}{
		"no credential":         {"smtp/tenant-1/admin", nil, fault.CredentialMissing},
		"another credential":    {"smtp/tenant-1/admin", map[string]any{"credential_id": "old"}, fault.CredentialStale},
		"no user name":          {"smtp/tenant-1/admin", map[string]any{"username": ""}, fault.CredentialMissing},
		"does not decrypt":      {"smtp/tenant-1/admin", map[string]any{"password": "foreign"}, fault.CredentialMissing},
		"an empty password":     {"smtp/tenant-1/admin", map[string]any{"password": "sealed:"}, fault.CredentialMissing},
		"no SSH key":            {"vps/tenant-1/admin_ssh", nil, fault.CredentialMissing},
		"an SSH key of no form": {"vps/tenant-1/admin_ssh", map[string]any{"private_key": "PLANTED"}, fault.CredentialMissing},
		"no API token":          {"vps/tenant-1/mailu_api", map[string]any{"token": ""}, fault.CredentialMissing},
		"a token for a shell":   {"vps/tenant-1/mailu_api", map[string]any{"token": "PLANTED$(x)"}, fault.CredentialMissing},
		"no DKIM key":           {"dkim/tenant.example.org/dkim", nil, fault.CredentialMissing},
		"half a certificate":    {"vps/tenant-1/tls", map[string]any{"private_key": "PLANTED"}, fault.CredentialMissing},
		"an expired one":        {"vps/tenant-1/tls", map[string]any{"certificate": expired, "private_key": expiredKey}, fault.CredentialMissing},
		"of another host":       {"vps/tenant-1/tls", map[string]any{"certificate": foreign, "private_key": foreignKey}, fault.CredentialMissing},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.prepared(t)
			if c.fields == nil {
				w.vault[c.path] = nil // deleted
			}
			for field, value := range c.fields {
				w.vault[c.path][field] = value
			}
			_, err := w.configure(t, true)
			if !fault.Is(err, c.want) || strings.Contains(err.Error(), "PLANTED") {
				t.Errorf("err = %v, want %s without the secret", err, c.want)
			}
			if ran := w.server.Ran(); len(ran) > 0 {
				t.Errorf("ran %q", ran)
			}
		})
	}
}

// docker compose quotes lines that it cannot read; the log must not.
func TestConfigureKeepsSecretsOutOfTheLog(t *testing.T) {
	w := newWorld(t)
	w.server.On(composeUp, func(_ io.Reader, _, stderr io.Writer) int {
		_, _ = io.WriteString(stderr, "line 14: API_TOKEN="+apiTokenText+": PLANTED DKIM KEY: no space left")
		return 1
	})
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	_, err := w.configure(t, false)
	if !fault.Is(err, fault.ServerRefused) {
		t.Fatalf("err = %v, want ServerRefused", err)
	}
	for _, planted := range []string{apiTokenText, "PLANTED DKIM KEY"} {
		if strings.Contains(log.String()+err.Error(), planted) {
			t.Errorf("a secret is in the log: %s", log.String())
		}
	}
	if !strings.Contains(log.String(), "no space left") {
		t.Errorf("the log does not say what failed: %s", log.String())
	}
}

func TestCheck(t *testing.T) {
	w := newWorld(t)
	w.api.say("starting", 502, "text/html", "")
	in := CheckInput{Tenant: tenant, Server: w.at(), Checks: 2, Execution: execution}
	check := func() (Checked, error) { return Checker{w.vault.login}.Check(t.Context(), in) }

	w.api.on("GET /domain", "starting")
	if found, err := check(); err != nil || found != (Checked{Starting, 3}) {
		t.Errorf("Check = %+v, %v; want starting", found, err)
	}
	w.api.on("GET /domain", "raw token (no Bearer)")
	if found, err := check(); err != nil || found != (Checked{Ready, 3}) {
		t.Errorf("Check = %+v, %v; want ready", found, err)
	}
	w.vault["vps/tenant-1/mailu_api"]["token"] = "another"
	if found, err := check(); !fault.Is(err, fault.MailuRefused) {
		t.Errorf("a wrong token: %+v, %v; want MailuRefused", found, err)
	}
	w.server.Forward(apiAddress, "127.0.0.1:1") // nothing listens there
	if found, err := check(); err != nil || found.State != Starting {
		t.Errorf("nothing listens: %+v, %v; want starting", found, err)
	}
	in.Server.HostKey = otherKey(t)
	if found, err := check(); !fault.Is(err, fault.HostKeyMismatch) {
		t.Errorf("another host: %+v, %v; want HostKeyMismatch", found, err)
	}
}

func TestSet(t *testing.T) {
	w := newWorld(t)
	w.api.say("set", 200, "application/json", userWith(passwordHash, "true", "true"))
	w.api.say("other", 200, "application/json", userWith(otherHash, "true", "true"))
	w.api.on("GET /domain/tenant.example.org", "get domain unknown", "get domain (dkim)")
	w.api.on("POST /domain", "create domain")
	w.api.on("GET /user/"+bob, "other", "set")
	w.api.on("PATCH /user/"+bob, "PATCH raw_password")
	in := SetInput{Tenant: tenant, Server: w.at(), Execution: execution}
	done, err := Setter{w.vault.login}.Set(t.Context(), in)
	if err != nil || !done.Changed || done.Username != bob || len(done.DKIM) != 1 || done.DKIM[0].Name != "dkim._domainkey.tenant.example.org" {
		t.Fatalf("Set = %+v, %v", done, err)
	}
	if want := []string{"POST /domain", "PATCH /user/" + bob}; !slices.Equal(w.api.changes(), want) {
		t.Errorf("changes %q, want %q", w.api.changes(), want)
	}
	again, err := Setter{w.vault.login}.Set(t.Context(), in)
	if err != nil || again.Changed || len(w.api.changes()) != 2 {
		t.Errorf("again: %+v, %v, changes %q; want none", again, err, w.api.changes())
	}

	w.api.on("GET /domain/tenant.example.org", "get domain (no dkim)")
	if _, err := (Setter{w.vault.login}).Set(t.Context(), in); !fault.Is(err, fault.MailuRefused) {
		t.Errorf("a domain without its key: %v, want MailuRefused", err)
	}
	w.vault["smtp/tenant-1/admin"]["credential_id"] = "old"
	if _, err := (Setter{w.vault.login}).Set(t.Context(), in); !fault.Is(err, fault.CredentialStale) {
		t.Errorf("a stale credential: %v, want CredentialStale", err)
	}
}

func TestValidate(t *testing.T) {
	good := ConfigureInput{Tenant: tenant, Server: Server{"192.0.2.1", "ssh-ed25519 AAAA"}, Execution: execution}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*ConfigureInput){
		"tenant_id":     func(in *ConfigureInput) { in.Tenant.ID = "" },
		"hostname":      func(in *ConfigureInput) { in.Tenant.Hostname = "mail" },
		"domains":       func(in *ConfigureInput) { in.Tenant.Domains = nil },
		"no domain":     func(in *ConfigureInput) { in.Tenant.Domains = []string{"a b"} },
		"credential_id": func(in *ConfigureInput) { in.Tenant.CredentialID = "" },
		"address":       func(in *ConfigureInput) { in.Server.Address = "" },
		"host_key":      func(in *ConfigureInput) { in.Server.HostKey = "" },
		"execution.arn": func(in *ConfigureInput) { in.Execution.ARN = "" },
	} {
		in := good
		spoil(&in)
		if err := in.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := (Server{Address: "192.0.2.1"}).ssh(); got != "192.0.2.1:22" {
		t.Errorf("ssh = %q", got)
	}
}
