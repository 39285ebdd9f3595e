package vault

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

func TestOpenRefusesWhatItCannotTrust(t *testing.T) {
	good := []string{"https://127.0.0.1:8200"}
	for name, c := range map[string]Config{
		"no node":            {},
		"an empty node":      {Nodes: []string{"https://a:8200", " "}},
		"http":               {Nodes: []string{"http://a:8200"}},
		"no scheme":          {Nodes: []string{"a:8200"}},
		"no host":            {Nodes: []string{"https://"}},
		"a path":             {Nodes: []string{"https://a:8200/v1"}},
		"a query":            {Nodes: []string{"https://a:8200?x"}},
		"a password":         {Nodes: []string{"https://me:never-to-be-seen@a:8200"}},
		"a control byte":     {Nodes: []string{"https://a\n:8200"}},
		"CA not base64":      {Nodes: good, CACertificate: "-----BEGIN CERTIFICATE-----"},
		"CA without PEM":     {Nodes: good, CACertificate: base64.StdEncoding.EncodeToString([]byte("hello"))},
		"CA of another kind": {Nodes: good, CACertificate: base64.StdEncoding.EncodeToString([]byte("-----BEGIN X-----\n-----END X-----\n"))},
	} {
		_, err := Open(c)
		wantFault(t, name, err, fault.InvalidConfiguration)
	}
}

func TestOpenTidiesAddresses(t *testing.T) {
	c, err := Open(Config{Nodes: []string{" https://a:8200/", "https://[::1]:8200"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Nodes(); len(got) != 2 || got[0].Address != "https://a:8200" || got[1].Address != "https://[::1]:8200" {
		t.Errorf("nodes %q, %q", got[0].Address, got[1].Address)
	}
}

func TestAuthorityByContent(t *testing.T) {
	n := vaulttest.Start(t)
	other, err := vaultserver.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		ca   string
		want State
	}{
		"the node's":   {n.CA(), Active},
		"another":      {base64.StdEncoding.EncodeToString(other.CAPEM), Unreachable},
		"the system's": {"", Unreachable},
	} {
		c, err := Open(Config{Nodes: []string{n.URL}, CACertificate: tt.ca})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Nodes()[0].Health(t.Context()).State; got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
		if tt.want == Unreachable {
			_, _, err := c.Leader(t.Context())
			wantFault(t, name, err, fault.VaultUnreachable)
		}
	}
}

func TestLeaderIsFoundWhereverItIs(t *testing.T) {
	for leader := range 3 {
		states := []string{"standby", "down", "sealed"}
		states[leader] = "active"
		there := vaulttest.StartAll(t, states...)
		n, health, err := open(t, there...).Leader(t.Context())
		if err != nil || n.Address != there[leader].URL || health.State != Active || health.ClusterID != vaulttest.ClusterID {
			t.Errorf("%v: %+v, %v", states, health, err)
		}
	}
}

func TestNoLeaderSaysWhy(t *testing.T) {
	for states, want := range map[string]fault.Name{
		"down":                              fault.VaultUnreachable,
		"down down":                         fault.VaultUnreachable,
		"uninitialized down":                fault.VaultUninitialized,
		"uninitialized removed":             fault.VaultRemoved,
		"removed sealed":                    fault.VaultSealed,
		"uninitialized sealed":              fault.VaultSealed,
		"down sealed uninitialized":         fault.VaultSealed,
		"uninitialized sealed standby down": fault.NoLeader,
		"standby":                           fault.NoLeader,
	} {
		_, _, err := open(t, vaulttest.StartAll(t, strings.Fields(states)...)...).Leader(t.Context())
		wantFault(t, states, err, want)
		listed := strings.ReplaceAll(strings.ReplaceAll(states, "down", "unreachable"), " ", ", ")
		if err != nil && !strings.HasSuffix(fault.Of(err).Public, "nodes: "+listed) {
			t.Errorf("%s: public text %q", states, fault.Of(err).Public)
		}
	}
}

func TestAnswersHaveNames(t *testing.T) {
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   fault.Name
	}{
		"forbidden":        {vaulttest.JSON(403, `{"errors":["permission denied"]}`), fault.VaultRefused},
		"bad request":      {vaulttest.JSON(400, `{"errors":["no"]}`), fault.VaultRefused},
		"sealed":           {vaulttest.JSON(503, `{"errors":["Vault is sealed"]}`), fault.VaultSealed},
		"503 of a proxy":   {vaulttest.JSON(503, `the sealed door`), fault.VaultUnreachable},
		"500 about a seal": {vaulttest.JSON(500, `{"errors":["Vault is sealed"]}`), fault.VaultUnreachable},
		"502":              {vaulttest.JSON(502, `<html>`), fault.VaultUnreachable},
		"throttled":        {vaulttest.JSON(429, `{"errors":["rate limit quota exceeded"]}`), fault.VaultUnreachable},
		"cut":              {vaulttest.Cut, fault.VaultUnreachable},
	} {
		n := vaulttest.Start(t)
		n.On("", tt.answer)
		for call, do := range calls(loggedIn(t, n)) {
			wantFault(t, call+" answered "+name, do(t.Context()), tt.want)
		}
	}
}

func TestGarbageIsNoAnswer(t *testing.T) {
	n := vaulttest.Start(t)
	n.On("", vaulttest.JSON(200, `<html>`))
	for call, do := range calls(loggedIn(t, n)) {
		if call == "Snapshot" || call == "Restore" || call == "RestoreForced" { // streams: what comes is checked elsewhere
			continue
		}
		wantFault(t, call, do(t.Context()), fault.VaultUnreachable)
	}
}

func TestNobodyListens(t *testing.T) {
	n := vaulttest.Start(t)
	s := loggedIn(t, n)
	n.Close()
	for call, do := range calls(s) {
		wantFault(t, call, do(t.Context()), fault.VaultUnreachable)
	}
}

// A redirect must not be followed, and must not look like "not there" either: a read of the inventory would then leave
// the secret out.
func TestRedirectsAreNotFollowed(t *testing.T) {
	leader, standby := vaulttest.Start(t), vaulttest.Start(t)
	leader.On("", vaulttest.JSON(200, `{"data":{}}`))
	for _, body := range []string{"", `{"data":{"keys":[]}}`} {
		redirect := vaulttest.Redirect(leader.URL)
		standby.On("", func(w http.ResponseWriter, r *http.Request) {
			redirect(w, r)
			_, _ = w.Write([]byte(body))
		})
		s := loggedIn(t, standby)
		for call, do := range calls(s) {
			wantFault(t, call, do(t.Context()), fault.VaultUnreachable)
		}
		s.Logout(t.Context())
		wantFault(t, "Unseal", s.Unseal(t.Context(), testShares), fault.VaultUnreachable)
		standby.On("GET sys/health", redirect)
		if got := s.Node.Health(t.Context()).State; got != Unreachable {
			t.Errorf("health by redirect: %s", got)
		}
	}
	if got := leader.Requests(); len(got) != 0 {
		t.Errorf("the leader got %v", got)
	}
}

// A read that failed for a moment is tried again; a redirect is not.
// The node would speak HTTP/2, which is slower for what streams.
func TestEveryCallIsHTTP1(t *testing.T) {
	n := vaulttest.Start(t)
	s := loggedIn(t, n)
	for _, call := range calls(s) {
		_ = call(t.Context())
	}
	requests := n.Requests()
	if len(requests) < len(calls(s)) {
		t.Errorf("%d calls made %d requests", len(calls(s)), len(requests))
	}
	for _, r := range requests {
		if r.Proto != "HTTP/1.1" {
			t.Errorf("%s is %s", r, r.Proto)
		}
	}
}

func TestRetries(t *testing.T) {
	n := vaulttest.Start(t)
	s, err := open(t, n).Nodes()[0].with(testShares[0], Health{})
	if err != nil {
		t.Fatal(err)
	}
	n.On("", func(w http.ResponseWriter, r *http.Request) {
		n.On("", vaulttest.JSON(200, `{"data":{"data":{},"metadata":{"version":1,"created_time":"2026-11-24T02:00:00Z"}}}`))
		vaulttest.Cut(w, r)
	})
	if found, err := s.ReadSecret(t.Context(), "smtp/", "t/admin", 0); err != nil || found == nil {
		t.Errorf("ReadSecret = %v, %v", found, err)
	}
	before := len(n.Requests())
	n.On("", vaulttest.Redirect("https://elsewhere.invalid"))
	_, err = s.ReadSecret(t.Context(), "smtp/", "t/admin", 0)
	wantFault(t, "redirect", err, fault.VaultUnreachable)
	if got := len(n.Requests()) - before; got != 1 {
		t.Errorf("a redirect was tried %d times", got)
	}
}

// The process may run where somebody works with another Vault.
func TestEnvironmentChangesNothing(t *testing.T) {
	elsewhere := vaulttest.Start(t)
	for name, value := range map[string]string{
		"VAULT_TOKEN": "hvs.of-somebody-else", "VAULT_NAMESPACE": "somewhere", "VAULT_HEADERS": `{"X-Odd":"1"}`,
		"VAULT_ADDR": elsewhere.URL, "VAULT_AGENT_ADDR": elsewhere.URL, "VAULT_SKIP_VERIFY": "true", "VAULT_WRAP_TTL": "60",
		"VAULT_MAX_RETRIES": "9", "VAULT_CLIENT_TIMEOUT": "1ns", "VAULT_RATE_LIMIT": "0.001:1", "VAULT_SRV_LOOKUP": "true",
		"VAULT_TLS_SERVER_NAME": "elsewhere.invalid", "VAULT_HTTP_PROXY": "http://127.0.0.1:1", "VAULT_PROXY_ADDR": "http://127.0.0.1:1",
		"VAULT_DISABLE_REDIRECTS": "false",
	} {
		t.Setenv(name, value)
	}
	n := vaulttest.Start(t)
	s := loggedIn(t, n)
	if got := s.Node.Health(t.Context()).State; got != Active {
		t.Fatalf("the node is %s", got)
	}
	for call, do := range calls(s) {
		if err := do(t.Context()); fault.Is(err, fault.VaultUnreachable) {
			t.Errorf("%s: %v", call, err)
		}
	}
	for _, r := range n.Requests() {
		token := r.Header.Get("X-Vault-Token")
		if r.Path == "sys/health" && token != "" || token != "" && token != testToken {
			t.Errorf("%s carries a token that is not the session's", r)
		}
		for _, header := range []string{"X-Vault-Namespace", "X-Vault-Wrap-Ttl", "X-Odd"} {
			if r.Header.Get(header) != "" {
				t.Errorf("%s carries %s", r, header)
			}
		}
		if r.Header.Get("X-Vault-Request") != "true" {
			t.Errorf("%s lacks X-Vault-Request", r)
		}
	}
	if got := elsewhere.Requests(); len(got) != 0 {
		t.Errorf("another Vault got %v", got)
	}
	c, err := Open(Config{Nodes: []string{n.URL}})
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Nodes()[0].Health(t.Context()).State; got != Unreachable {
		t.Errorf("with an authority that is not trusted the node is %s", got)
	}
}
