package mailu

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote/remotetest"
)

func says(status int, text string) remotetest.Command {
	return func(_ io.Reader, stdout, _ io.Writer) int {
		_, _ = io.WriteString(stdout, text)
		return status
	}
}

// leakedWorld is a server on which the administrator bob has two application passwords and three open sessions.
func leakedWorld(t *testing.T) *world {
	w := newWorld(t)
	w.server.On(kickProxied+bob, says(0, "3 connections kicked\n"))
	w.server.On(kickIMAP+bob, says(68, "no users kicked\n"))
	w.api.say("none", 200, "application/json", "[]")
	w.api.say("users", 200, "application/json", `[`+strings.Join([]string{
		userOf("eve@tenant.example.org", `"global_admin": true`),
		userOf(bob, `"global_admin": true`),
		userOf("amy@tenant.example.org", `"forward_enabled": true, "forward_destination": ["eve@elsewhere.example", "x@elsewhere.example"]`),
		userOf("zoe@tenant.example.org", `"reply_enabled": true, "reply_startdate": "2026-11-01", "reply_enddate": "2999-12-31", "forward_destination": ["off@elsewhere.example"]`),
	}, ",")+`]`)
	w.api.say("domains", 200, "application/json", `[{"name": "tenant.example.org", "managers": ["eve@tenant.example.org"]}]`)
	w.api.say("aliases", 200, "application/json", `[{"email": "%@tenant.example.org", "destination": ["eve@tenant.example.org"], "wildcard": true}]`)
	w.api.say("relays", 200, "application/json", `[{"name": "relayed.example", "smtp": "mx.relayed.example"}, {"name": "bare.example"}]`)
	w.api.on("GET /tokenuser/"+bob, "list tokens of user (tokenuser/)", "none")
	w.api.on("DELETE /token/1", "delete token 2 again") // somebody else was faster
	w.api.on("DELETE /token/2", "delete token 2")
	w.api.on("GET /user", "users")
	w.api.on("GET /domain", "domains")
	w.api.on("GET /alias", "aliases")
	w.api.on("GET /relay", "relays")
	return w
}

func userOf(email, more string) string {
	return fmt.Sprintf(`{"email": %q, "password": %q, "enabled": true, %s}`, email, passwordHash, more)
}

func (w *world) revoke(t *testing.T) (Revoked, error) {
	t.Helper()
	in := RevokeInput{TenantID: tenant.ID, Server: w.at(), Execution: execution}
	if err := in.Validate(); err != nil {
		t.Fatal(err)
	}
	return Revoker{w.vault.login}.Revoke(t.Context(), in)
}

func TestRevoke(t *testing.T) {
	w := leakedWorld(t)
	got, err := w.revoke(t)
	if err != nil {
		t.Fatal(err)
	}
	want := Revoked{Done: true, Tokens: 2, Sessions: 3, Kept: []string{}, Through: ThroughAPI, Found: Found{
		Administrators: Listed{2, []string{bob, "eve@tenant.example.org"}},
		Managers:       Listed{1, []string{"eve@tenant.example.org of tenant.example.org"}},
		Aliases:        Listed{1, []string{"%@tenant.example.org to eve@tenant.example.org (wildcard)"}},
		Relays:         Listed{2, []string{"bare.example by", "relayed.example by mx.relayed.example"}},
		Forwards:       Listed{1, []string{"amy@tenant.example.org to eve@elsewhere.example, x@elsewhere.example"}},
		AutoReplies:    Listed{1, []string{"zoe@tenant.example.org from 2026-11-01 to 2999-12-31"}},
		NotVisible:     []string{"fetch accounts (fetchmail)", "Sieve filters", "when users were last changed"},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if want := []string{"DELETE /token/1", "DELETE /token/2"}; !slices.Equal(w.api.changes(), want) {
		t.Errorf("changes %q, want %q", w.api.changes(), want)
	}
	w.server.On(kickProxied+bob, says(0, "0 connections kicked\n"))
	again, err := w.revoke(t)
	if err != nil || again.Tokens != 0 || again.Sessions != 0 || again.Found.Administrators.Count != 2 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestRevokeBelievesNothingElse(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*world)
		want  fault.Name
	}{
		"tokens that come back":      {func(w *world) { w.api.on("GET /tokenuser/"+bob, "list tokens of user (tokenuser/)") }, fault.MailuRefused},
		"another Dovecot's words":    {func(w *world) { w.server.On(kickProxied+bob, says(0, "kicked\n")) }, fault.ServerRefused},
		"a kick that fails":          {func(w *world) { w.server.On(kickProxied+bob, says(75, "")) }, fault.ServerRefused},
		"an imap kick of others":     {func(w *world) { w.server.On(kickIMAP+bob, says(0, usersKicked+"eve@tenant.example.org \n")) }, fault.ServerRefused},
		"an imap kick that fails":    {func(w *world) { w.server.On(kickIMAP+bob, says(1, "")) }, fault.ServerRefused},
		"no list of users":           {func(w *world) { w.api.on("GET /user", "find invalid") }, fault.MailuRefused},
		"no list of domains":         {func(w *world) { w.api.on("GET /domain", "find invalid") }, fault.MailuRefused},
		"no list of aliases":         {func(w *world) { w.api.on("GET /alias", "find invalid") }, fault.MailuRefused},
		"no list of relays":          {func(w *world) { w.api.on("GET /relay", "find invalid") }, fault.MailuRefused},
		"no username":                {func(w *world) { delete(w.vault["smtp/tenant-1/admin"], "username") }, fault.CredentialMissing},
		"a username for a shell":     {func(w *world) { w.vault["smtp/tenant-1/admin"]["username"] = "bob@x.org;reboot" }, fault.CredentialMissing},
		"a username that is a mask":  {func(w *world) { w.vault["smtp/tenant-1/admin"]["username"] = "*@x.org" }, fault.CredentialMissing},
		"a username that is options": {func(w *world) { w.vault["smtp/tenant-1/admin"]["username"] = "-f@x.org" }, fault.CredentialMissing},
		"no key":                     {func(w *world) { delete(w.vault, "vps/tenant-1/admin_ssh") }, fault.CredentialMissing},
		"no API token":               {func(w *world) { delete(w.vault, "vps/tenant-1/mailu_api") }, fault.CredentialMissing},
		"another host key":           {func(w *world) { w.server.HostKey = otherKey(t) }, fault.HostKeyMismatch},
	} {
		w := leakedWorld(t)
		tt.spoil(w)
		if got, err := w.revoke(t); !fault.Is(err, tt.want) {
			t.Errorf("%s: %+v, %v, want %s", name, got, err, tt.want)
		}
	}
}

func TestSessionsBehindTheFrontAreEndedToo(t *testing.T) {
	w := leakedWorld(t)
	w.server.On(kickIMAP+bob, says(0, usersKicked+bob+" \n"))
	if got, err := w.revoke(t); err != nil || got.Sessions != 3 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestListsAreBounded(t *testing.T) {
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf("%02d", i))
	}
	got := listed(append(many, "00 "+strings.Repeat("ü", 200)))
	if got.Count != 31 || len(got.Shown) != mostShown || len([]rune(got.Shown[1])) != longestShown || !strings.HasSuffix(got.Shown[1], "ü…") {
		t.Errorf("%+v", got)
	}
	if none := listed(nil); none.Count != 0 || none.Shown == nil {
		t.Errorf("none: %#v", none)
	}
}
