package mailu_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// recordedLine is what Mailu answered in the named case.
func recordedLine(t *testing.T, name string) string {
	t.Helper()
	for _, line := range recordingText(t) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			_, answer, _ := strings.Cut(rest, "-> ")
			answer, _, _ = strings.Cut(answer, "  [200")
			return answer
		}
	}
	t.Fatalf("no recorded case %s", name)
	return ""
}

// TestRecordedKey: the private key that Mailu had in its file gives the record that Mailu asked for in DNS.
func TestRecordedKey(t *testing.T) {
	t.Parallel()
	var vault struct {
		Data struct{ Selectors []struct{ Key string } }
	}
	if err := json.Unmarshal([]byte(recordedLine(t, "rspamd vault dkim")), &vault); err != nil {
		t.Fatal(err)
	}
	p := newProject(t)
	p.write("dkim/tenant.example.org.dkim.key", vault.Data.Selectors[0].Key)
	r := p.start()
	if got := r.api("POST", "domain", `{"name":"tenant.example.org","comment":"t"}`); got.StatusCode != 200 {
		t.Fatal(got.body)
	}
	if got := r.api("GET", "domain/tenant.example.org", ""); strings.TrimSpace(got.body) != recordedLine(t, "get domain (dkim)") {
		t.Errorf("got %s", got.body)
	}
	if got := r.api("POST", "domain/tenant.example.org/dkim", ""); got.StatusCode != 200 {
		t.Fatal(got.body)
	}
	if got := r.api("GET", "domain/tenant.example.org", ""); strings.TrimSpace(got.body) == recordedLine(t, "get domain (dkim)") {
		t.Error("generating a key left the old one in place")
	}
}

// TestCorruptKey: one bad file breaks the list of all domains.
func TestCorruptKey(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "not a key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"} {
		p := newProject(t)
		p.write("dkim/bad.example.org.dkim.key", text)
		r := p.start()
		if got := r.api("POST", "domain", `{"name":"bad.example.org"}`); got.StatusCode != 200 {
			t.Fatal(got.body)
		}
		for path, status := range map[string]int{"domain": 500, "domain/bad.example.org": 500, "domain/example.com": 200} {
			if got := r.api("GET", path, ""); got.StatusCode != status {
				t.Errorf("key %q: %s answers %d %s", text, path, got.StatusCode, got.body)
			}
		}
	}
}
