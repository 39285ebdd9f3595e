package mailu_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/mailu"
)

const (
	exportUsers  = "flask mailu config-export --json user.global_admin user.email user.enabled"
	exportTokens = "flask mailu config-export --json user.email user.tokens.id"
	importUsers  = "flask mailu config-import --quiet --update -"
)

// merge imports a configuration.
func (r *running) merge(text string) mailu.Ran {
	r.t.Helper()
	ran, err := mailu.Exec(r.dir, "admin", strings.Fields(importUsers), text)
	if err != nil {
		r.t.Fatal(err)
	}
	return ran
}

// printed is what an export says.
func (r *running) printed(command string) string {
	r.t.Helper()
	ran := r.exec("admin", command)
	if ran.Status != 0 || ran.Stderr != "" {
		r.t.Fatalf("%s: %+v", command, ran)
	}
	return ran.Stdout
}

// TestExport: one line of JSON with what is named, the address first and the rest by name, defaults included.
func TestExport(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	r.merge(`{"user":[{"email":"` + alice + `","global_admin":true}]}`)
	want := `{"user":[{"email":"admin@example.com","enabled":true,"global_admin":true},{"email":"alice@example.org","enabled":true,"global_admin":true},{"email":"carol@example.org","enabled":true,"global_admin":false}]}` + "\n"
	if got := r.printed(exportUsers); got != want {
		t.Errorf("users: %s", got)
	}
	if got := r.printed("flask mailu config-export --json user.email alias.email relay.name"); !strings.HasSuffix(got, `],"alias":[],"relay":[]}`+"\n") {
		t.Errorf("lists without entries: %s", got)
	}
	if got := r.printed("flask mailu config-export --json user.password"); strings.Count(got, `{"password":"$bcrypt-sha256$v=2,t=2b,r=12$`) != 3 {
		t.Errorf("hashes that are asked for by name: %s", got)
	}
	if got := r.printed(exportTokens); got != `{"user":[{"email":"admin@example.com"},{"email":"alice@example.org"},{"email":"carol@example.org"}]}`+"\n" {
		t.Errorf("a list of tokens without entries: %s", got)
	}
	if got, want := r.exec("admin", "flask mailu config-export --json user.nothing"), (mailu.Ran{Stderr: "Error: Invalid filter: user.nothing\n", Status: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestImportOfAPassword: the former one is refused at once, and what the import does not name stays.
func TestImportOfAPassword(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	change := fmt.Sprintf(`{"user":[{"email":%q,"password":"Other-password.2","hash_password":true}]}`, alice)
	for range 2 { // a password that is there already keeps its hash
		if got := r.merge(change); got != (mailu.Ran{}) {
			t.Fatalf("%+v", got)
		}
	}
	if err := r.imap().Login(alice, alicePw); err == nil {
		t.Error("the former password opens the mailbox")
	}
	if err := r.imap().Login(alice, "Other-password.2"); err != nil {
		t.Error(err)
	}
	before := r.api("GET", "user/"+alice, "").body
	r.merge(change)
	if after := r.api("GET", "user/"+alice, "").body; after != before || strings.Contains(after, `"global_admin": true`) {
		t.Errorf("after a repeated import: %s, before: %s", after, before)
	}
	if got := r.merge(`{"user":[{"email":"new@example.org","password":"New-password.3","hash_password":true,"enabled":true}]}`); got != (mailu.Ran{}) {
		t.Errorf("a new user: %+v", got)
	}
	if err := r.imap().Login("new@example.org", "New-password.3"); err != nil {
		t.Error(err)
	}
}

func TestImportDeletesTokens(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	for range 3 {
		r.api("POST", "tokenuser/"+alice, `{"comment":"phone"}`)
	}
	r.api("POST", "tokenuser/carol@example.org", `{"comment":"hers"}`)
	if got := r.merge(`{"user":[{"email":"` + alice + `","tokens":[{"-id":2}]}]}`); got != (mailu.Ran{}) {
		t.Errorf("%+v", got)
	}
	if got := r.printed(exportTokens); !strings.Contains(got, `"tokens":[{"id":1},{"id":3}]`) {
		t.Errorf("after one was deleted: %s", got)
	}
	if got := r.merge(`{"user":[{"email":"` + alice + `","tokens":[{"-id":null}]}]}`); got != (mailu.Ran{}) {
		t.Errorf("%+v", got)
	}
	if got := r.printed(exportTokens); got != `{"user":[{"email":"admin@example.com"},{"email":"alice@example.org"},{"email":"carol@example.org","tokens":[{"id":4}]}]}`+"\n" {
		t.Errorf("after all were deleted: %s", got)
	}
}

// TestImportRefuses: what it refuses it quotes, and nothing of it has happened.
func TestImportRefuses(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	before := r.printed("flask mailu config-export --json user.email user.password")
	for name, text := range map[string]string{
		"an attribute that there is not": `{"user":[{"email":"` + alice + `","passwrod":"x"}]}`,
		"nothing to hash":                `{"user":[{"email":"` + alice + `","hash_password":true}]}`,
		"a password that is no hash":     `{"user":[{"email":"` + alice + `","password":"SHOWN"}]}`,
		"a token that there is not":      `{"user":[{"email":"` + alice + `","password":"Other.2","hash_password":true,"tokens":[{"-id":9}]}]}`,
		"a user of no domain":            `{"user":[{"email":"x@nowhere.example","password":"Other.2","hash_password":true}]}`,
		"nobody":                         `{"user":[{"password":"Other.2","hash_password":true}]}`,
		"no YAML":                        `{"user":[`,
	} {
		got := r.merge(text)
		if got.Status != 1 || got.Stdout != "" || !strings.HasPrefix(got.Stderr, "Error: [ValidationError] ") {
			t.Errorf("%s: %+v", name, got)
		}
		if strings.Contains(text, "SHOWN") && !strings.Contains(got.Stderr, "SHOWN") {
			t.Errorf("%s: an error of Mailu's that quotes nothing: %s", name, got.Stderr)
		}
	}
	if after := r.printed("flask mailu config-export --json user.email user.password"); after != before {
		t.Error("something has changed")
	}
}

// TestWebSessionsAndTheCommand: an import leaves them, and their database can be emptied.
func TestWebSessionsAndTheCommand(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	got := r.do("POST", r.url(8080, "/sso/login"), "email="+alice+"&pw="+alicePw+"&pwned=-1&submitAdmin=x", "Content-Type", "application/x-www-form-urlencoded")
	cookie, _, _ := strings.Cut(got.Header.Get("Set-Cookie"), ";")
	in := func() int {
		return r.do("GET", r.url(8080, "/internal/auth/user"), "", "Cookie", cookie).StatusCode
	}
	r.merge(`{"user":[{"email":"` + alice + `","password":"Other-password.2","hash_password":true}]}`)
	if in() != http.StatusOK {
		t.Error("the import has ended the session")
	}
	if got, want := r.exec("redis", "redis-cli -n 3 flushdb"), (mailu.Ran{Stdout: "OK\n"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if in() != http.StatusForbidden {
		t.Error("the session goes on")
	}
}

func TestOtherWordsOfTheCommandAreUnknown(t *testing.T) {
	t.Parallel()
	r := newProject(t).start()
	for service, commands := range map[string][]string{
		"admin": {"flask mailu", "flask mailu password a b c", "flask mailu config-import -", "flask mailu config-export user.email", "flask run"},
		"imap":  {importUsers, exportUsers}, "redis": {"redis-cli -n 2 flushdb", "redis-cli flushall"},
	} {
		for _, command := range commands {
			if got := r.exec(service, command); got.Status == 0 || got.Stdout != "" || got.Stderr == "" {
				t.Errorf("%s %q: %+v", service, command, got)
			}
		}
	}
}
