package mailu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// mailuCommand is what Mailu's own command knows and prints: the administrator bob among others, with the hash that the
// world's password has or another one.
type mailuCommand struct {
	hash   string
	tokens int
	took   []map[string]any // what was imported
	keeps  bool             // an import changes nothing
}

// shutWorld is a leaked one whose API refuses everything, and whose Mailu still has its own command.
func shutWorld(t *testing.T, answer string) (*world, *mailuCommand) {
	w := leakedWorld(t)
	w.api.say("switched off", 404, "text/html; charset=utf-8", "<!doctype html>\n<title>404 Not Found</title>\n")
	for request := range w.api.lined {
		w.api.on(request, answer)
	}
	w.api.on("GET /user/"+bob, answer)
	m := &mailuCommand{hash: otherHash, tokens: 2}
	print := func(text func() string) func(io.Reader, io.Writer, io.Writer) int {
		return func(_ io.Reader, stdout, _ io.Writer) int {
			_, _ = io.WriteString(stdout, "a warning of Python's\n"+text()+"\n")
			return 0
		}
	}
	w.server.On(exportAdmins, print(func() string {
		return `{"user":[{"email":"amy@tenant.example.org","enabled":true,"global_admin":false,"password":"` + passwordHash + `"},` +
			`{"email":"` + bob + `","enabled":true,"global_admin":true,"password":"` + m.hash + `"}]}`
	}))
	w.server.On(exportTokens, print(func() string {
		return `{"user":[{"email":"amy@tenant.example.org","tokens":[{"id":7}]},{"email":"` + bob + `","tokens":` + []string{`[]`, `[{"id":1}]`, `[{"id":1},{"id":2}]`}[m.tokens] + `}]}`
	}))
	w.server.On(exportSurvey, print(func() string {
		return `{"user":[{"email":"eve@tenant.example.org","forward_destination":[],"forward_enabled":false,"global_admin":true,"manager_of":["tenant.example.org"],` +
			`"reply_enabled":false,"reply_enddate":"2999-12-31","reply_startdate":"1900-01-01"},` +
			`{"email":"` + bob + `","forward_destination":["x@elsewhere.example"],"forward_enabled":true,"global_admin":true,"manager_of":[],` +
			`"reply_enabled":true,"reply_enddate":"2999-12-31","reply_startdate":"2026-11-01"}],` +
			`"alias":[{"email":"%@tenant.example.org","destination":["eve@tenant.example.org"],"wildcard":true}],"relay":[{"name":"relayed.example","smtp":""}]}`
	}))
	w.server.On(importing, func(stdin io.Reader, _, stderr io.Writer) int {
		var in struct{ User []map[string]any }
		if err := json.NewDecoder(stdin).Decode(&in); err != nil || len(in.User) != 1 || in.User[0]["email"] != bob {
			return 1
		}
		m.took = append(m.took, in.User[0])
		if _, hashed := in.User[0]["password"]; hashed && !m.keeps {
			m.hash = passwordHash
		}
		if _, listed := in.User[0]["tokens"]; listed && !m.keeps {
			m.tokens = 0
		}
		return 0
	})
	w.server.On(endWeb, says(0, "OK\n"))
	return w, m
}

// refusals are the answers of an API that is shut.
var refusals = []string{"switched off", "bad token", "no auth header"}

func TestInstallThroughTheCommand(t *testing.T) {
	for _, refusal := range refusals {
		t.Run(refusal, func(t *testing.T) {
			w, m := shutWorld(t, refusal)
			admins, closed, err := OpenAdmins(t.Context(), w.vault, tenant.ID, w.at(), "")
			if err != nil {
				t.Fatal(err)
			}
			defer closed()
			credential := Credential{Username: bob, Password: secret.New(password)}
			if has, err := admins.Has(t.Context(), bob, credential.Password); err != nil || has || admins.Through() != ThroughCommand {
				t.Errorf("Has = %v, %v, through %s", has, err, admins.Through())
			}
			if changed, err := admins.Install(t.Context(), credential); err != nil || !changed {
				t.Errorf("Install = %v, %v", changed, err)
			}
			want := []map[string]any{{"email": bob, "password": password, "hash_password": true, "enabled": true, "global_admin": true}}
			if d := cmp.Diff(want, m.took); d != "" {
				t.Errorf("imported (-want +got):\n%s", d)
			}
			if has, err := admins.Has(t.Context(), bob, credential.Password); err != nil || !has {
				t.Errorf("Has = %v, %v", has, err)
			}
			if changed, err := admins.Install(t.Context(), credential); err != nil || changed || len(m.took) != 1 {
				t.Errorf("again: Install = %v, %v", changed, err)
			}
			if len(w.api.asked) != 1 {
				t.Errorf("an API that refused was asked again: %q", w.api.asked)
			}
		})
	}
}

// A way that is known spares the API every further wrong token.
func TestAKnownWayIsTaken(t *testing.T) {
	w, m := shutWorld(t, "bad token")
	m.hash = passwordHash
	admins, closed, err := OpenAdmins(t.Context(), w.vault, tenant.ID, w.at(), ThroughCommand)
	if err != nil {
		t.Fatal(err)
	}
	defer closed()
	if has, err := admins.Has(t.Context(), bob, secret.New(password)); err != nil || !has || len(w.api.asked) != 0 {
		t.Errorf("Has = %v, %v; asked %q", has, err, w.api.asked)
	}
}

func TestOnlyTheTwoWaysAreTaken(t *testing.T) {
	in := RevokeInput{TenantID: tenant.ID, Server: Server{"192.0.2.1", "ssh-ed25519 AAAA"}, Execution: execution}
	for _, way := range []Through{"", ThroughAPI, ThroughCommand} {
		if in.Through = way; in.Validate() != nil {
			t.Errorf("%q is refused", way)
		}
	}
	if in.Through = "telnet"; in.Validate() == nil {
		t.Error("telnet is taken")
	}
}

// What passes by itself is no refusal, and neither is an API that is there and refuses one thing.
func TestNoOtherAnswerLeadsToTheCommand(t *testing.T) {
	for answer, want := range map[string]fault.Name{
		"rate limited": fault.MailuUnavailable, "bad gateway": fault.MailuUnavailable, "front": fault.MailuUnavailable,
		"find invalid": fault.MailuRefused, "webmail": fault.MailuRefused, "half": fault.MailuRefused,
	} {
		w, m := shutWorld(t, answer)
		w.api.say("rate limited", 429, "application/json", `{"message": "Too many attempts from your IP (rate-limit)"}`)
		w.api.say("bad gateway", 502, "text/html", "<html>502</html>")
		w.api.say("front", 403, "text/html", "<html>403 Forbidden</html>")
		w.api.say("webmail", 200, "text/html", "<html>Penguin Mails</html>")
		w.api.say("half", 200, "application/json", `{"email": "bob@tenant`)
		admins, closed, err := OpenAdmins(t.Context(), w.vault, tenant.ID, w.at(), "")
		if err != nil {
			t.Fatal(err)
		}
		_, err = admins.Install(t.Context(), Credential{Username: bob, Password: secret.New(password)})
		if !fault.Is(err, want) || len(m.took) != 0 || len(w.server.Ran()) != 0 || admins.Through() != ThroughAPI {
			t.Errorf("%s: %v, want %s; ran %q", answer, err, want, w.server.Ran())
		}
		closed()
	}
}

// The export of a server with thousands of users is longer than what other commands may say.
func TestAnExportOfManyUsers(t *testing.T) {
	w, _ := shutWorld(t, "bad token")
	var users strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&users, `{"email":"user%d@tenant.example.org","enabled":true,"global_admin":false,"password":%q},`, i, otherHash)
	}
	w.server.On(exportAdmins, says(0, `{"user":[`+users.String()+`{"email":"`+bob+`","enabled":true,"global_admin":true,"password":"`+passwordHash+`"}]}`))
	admins, closed, err := OpenAdmins(t.Context(), w.vault, tenant.ID, w.at(), ThroughCommand)
	if err != nil {
		t.Fatal(err)
	}
	defer closed()
	if has, err := admins.Has(t.Context(), bob, secret.New(password)); err != nil || !has {
		t.Errorf("Has = %v, %v", has, err)
	}
}

func TestTheCommandIsNotBelieved(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*world, *mailuCommand)
		want  fault.Name
	}{
		"the password does not change":  {func(_ *world, m *mailuCommand) { m.keeps = true }, fault.MailuRefused},
		"the import fails":              {func(w *world, _ *mailuCommand) { w.server.On(importing, says(1, "")) }, fault.ServerRefused},
		"the export fails":              {func(w *world, _ *mailuCommand) { w.server.On(exportAdmins, says(1, "")) }, fault.ServerRefused},
		"the export is no JSON":         {func(w *world, _ *mailuCommand) { w.server.On(exportAdmins, says(0, "user:\n- email: x\n")) }, fault.MailuRefused},
		"the export is of nobody":       {func(w *world, _ *mailuCommand) { w.server.On(exportAdmins, says(0, "{}\n")) }, fault.MailuRefused},
		"there is no such program here": {func(w *world, _ *mailuCommand) { w.server.On(exportAdmins, nil) }, fault.ServerRefused},
	} {
		w, m := shutWorld(t, "bad token")
		tt.spoil(w, m)
		admins, closed, err := OpenAdmins(t.Context(), w.vault, tenant.ID, w.at(), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := admins.Install(t.Context(), Credential{Username: bob, Password: secret.New(password)}); !fault.Is(err, tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
		closed()
	}
	w, m := shutWorld(t, "bad token")
	admins, closed, err := OpenAdmins(t.Context(), w.vault, tenant.ID, w.at(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer closed()
	if _, err := admins.Install(t.Context(), Credential{Username: bob}); !fault.Is(err, fault.CredentialMissing) || len(m.took) != 0 {
		t.Errorf("an empty password: %v", err)
	}
}

func TestRevokeThroughTheCommand(t *testing.T) {
	for _, refusal := range refusals {
		w, m := shutWorld(t, refusal)
		got, err := w.revoke(t)
		if err != nil {
			t.Fatal(err)
		}
		want := Revoked{Done: true, Tokens: 2, Sessions: 3, Kept: []string{}, Through: ThroughCommand, Found: Found{
			Administrators: Listed{2, []string{bob, "eve@tenant.example.org"}},
			Managers:       Listed{1, []string{"eve@tenant.example.org of tenant.example.org"}},
			Aliases:        Listed{1, []string{"%@tenant.example.org to eve@tenant.example.org (wildcard)"}},
			Relays:         Listed{1, []string{"relayed.example by"}},
			Forwards:       Listed{1, []string{bob + " to x@elsewhere.example"}},
			AutoReplies:    Listed{1, []string{bob + " from 2026-11-01 to 2999-12-31"}},
			NotVisible:     []string{"fetch accounts (fetchmail)", "Sieve filters", "when users were last changed"},
		}}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", refusal, d)
		}
		if d := cmp.Diff([]map[string]any{{"email": bob, "tokens": []any{map[string]any{"-id": nil}}}}, m.took); d != "" {
			t.Errorf("imported (-want +got):\n%s", d)
		}
		ran := w.server.Ran()
		if slices.Index(ran, importing) > slices.Index(ran, kickProxied+bob) {
			t.Errorf("whoever is thrown out may come in again: %q", ran)
		}
		if again, err := w.revoke(t); err != nil || again.Tokens != 0 || len(again.Kept) != 0 || len(m.took) != 1 {
			t.Errorf("again: %+v, %v", again, err)
		}
	}
}

// What Mailu's own command does not take away is said, and stops nothing.
func TestWhatTheCommandCannotRevokeIsSaid(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*world, *mailuCommand)
		kept  []string
		seen  bool
	}{
		"tokens stay":              {func(_ *world, m *mailuCommand) { m.keeps = true }, []string{keptTokens}, true},
		"the import fails":         {func(w *world, _ *mailuCommand) { w.server.On(importing, says(1, "")) }, []string{keptTokens}, true},
		"tokens cannot be counted": {func(w *world, _ *mailuCommand) { w.server.On(exportTokens, says(0, "?")) }, []string{keptTokens}, true},
		"Redis does not know it":   {func(w *world, _ *mailuCommand) { w.server.On(endWeb, says(0, "ERR unknown command\n")) }, []string{keptWebSessions}, true},
		"no Redis is there":        {func(w *world, _ *mailuCommand) { w.server.On(endWeb, nil) }, []string{keptWebSessions}, true},
		"nothing can be seen":      {func(w *world, _ *mailuCommand) { w.server.On(exportSurvey, says(1, "")) }, []string{}, false},
	} {
		w, m := shutWorld(t, "switched off")
		tt.spoil(w, m)
		got, err := w.revoke(t)
		if err != nil || !got.Done || got.Sessions != 3 || !slices.Equal(got.Kept, tt.kept) {
			t.Errorf("%s: %+v, %v, want kept %q", name, got, err, tt.kept)
		}
		if (got.Found.Administrators.Count == 2) != tt.seen || slices.Contains(got.Found.NotVisible, "administrators") == tt.seen {
			t.Errorf("%s: found %+v", name, got.Found)
		}
	}
}

// Neither a command line nor the log nor an error shows a password, a hash or the token.
func TestTheCommandShowsNoSecret(t *testing.T) {
	w, m := shutWorld(t, "bad token")
	w.server.On(importing, func(stdin io.Reader, stdout, stderr io.Writer) int {
		text, _ := io.ReadAll(stdin)
		_, _ = stdout.Write(text)
		_, _ = io.WriteString(stderr, "Error: [ValidationError] invalid password hash '"+string(text)+"'\n")
		return 1
	})
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(before)
	admins, closed, err := OpenAdmins(t.Context(), w.vault, tenant.ID, w.at(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer closed()
	_, err = admins.Install(t.Context(), Credential{Username: bob, Password: secret.New(password)})
	if !fault.Is(err, fault.ServerRefused) {
		t.Fatalf("err = %v, want ServerRefused", err)
	}
	w.server.On(exportAdmins, says(0, `{"user":[{"password":"`+m.hash+`"`))
	_, odd := admins.Has(t.Context(), bob, secret.New(password))
	revoked, err2 := w.revoke(t)
	text := strings.Join(w.server.Ran(), "\n") + log.String() + err.Error() + odd.Error()
	for _, planted := range []string{password, otherHash, passwordHash, apiTokenText, w.server.Key.Reveal()} {
		if strings.Contains(text, planted) {
			t.Errorf("%q is shown", planted)
		}
	}
	if !strings.Contains(log.String(), "the API refuses") || err2 != nil || !slices.Contains(revoked.Kept, keptTokens) {
		t.Errorf("the log does not say which way was taken, or %v: %s", err2, log.String())
	}
}
