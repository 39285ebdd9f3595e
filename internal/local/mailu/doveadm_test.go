package mailu_test

import (
	"strings"
	"testing"

	"github.com/emersion/go-sasl"

	"github.com/penguinmails/disaster-recovery/internal/local/mailu"
)

func (r *running) exec(service, command string) mailu.Ran {
	r.t.Helper()
	ran, err := mailu.Exec(r.dir, service, strings.Fields(command), "")
	if err != nil {
		r.t.Fatal(err)
	}
	return ran
}

const kickAlice = "doveadm -c /etc/dovecot/proxy.conf proxy kick " + alice

// TestKickEndsOpenSessions: at every mail port, those of the one user, and no others.
func TestKickEndsOpenSessions(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	reader, sender, other := r.imap(), r.submit(465), r.imap()
	if err := reader.Login(alice, alicePw); err != nil {
		t.Fatal(err)
	}
	if err := sender.Auth(sasl.NewPlainClient("", alice, alicePw)); err != nil {
		t.Fatal(err)
	}
	if err := other.Login("carol@example.org", "Password-of-carol"); err != nil {
		t.Fatal(err)
	}
	if got, want := r.exec("front", kickAlice), (mailu.Ran{Stdout: "2 connections kicked\n"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if err := reader.Noop(); err == nil {
		t.Error("the IMAP session goes on")
	}
	if err := sender.Noop(); err == nil {
		t.Error("the submission session goes on")
	}
	if err := other.Noop(); err != nil {
		t.Errorf("another user's session: %v", err)
	}
	if got, want := r.exec("front", kickAlice), (mailu.Ran{Stdout: "0 connections kicked\n"}); got != want {
		t.Errorf("again: %+v, want %+v", got, want)
	}
	if err := r.imap().Login(alice, alicePw); err != nil {
		t.Errorf("a new login after the kick: %v", err)
	}
}

// TestKickBehindTheFront: the imap container knows its own sessions only, and says in another way what became of them.
func TestKickBehindTheFront(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	reader, sender := r.imap(), r.submit(465)
	if err := reader.Login(alice, alicePw); err != nil {
		t.Fatal(err)
	}
	if err := sender.Auth(sasl.NewPlainClient("", alice, alicePw)); err != nil {
		t.Fatal(err)
	}
	if got, want := r.exec("imap", "doveadm kick "+alice), (mailu.Ran{Stdout: "kicked connections from the following users:\n" + alice + " \n"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if err := reader.Noop(); err == nil {
		t.Error("the IMAP session goes on")
	}
	if err := sender.Noop(); err != nil {
		t.Errorf("the submission session, which is none of this container's: %v", err)
	}
	if got, want := r.exec("imap", "doveadm kick "+alice), (mailu.Ran{Stdout: "no users kicked\n", Status: 68}); got != want {
		t.Errorf("again: %+v, want %+v", got, want)
	}
}

func TestOtherCommandsAreUnknown(t *testing.T) {
	t.Parallel()
	r := newProject(t).start()
	for _, c := range []struct{ service, command string }{
		{"front", "doveadm kick " + alice}, {"imap", kickAlice}, {"smtp", "doveadm kick " + alice}, {"front", "rm everything"}, {"imap", ""},
	} {
		if got := r.exec(c.service, c.command); got.Status == 0 || got.Stdout != "" || got.Stderr == "" {
			t.Errorf("%s %q: %+v", c.service, c.command, got)
		}
	}
	dir := r.dir
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := mailu.Exec(dir, "front", strings.Fields(kickAlice), ""); err == nil {
		t.Error("a server that is gone has run a command")
	}
}

func TestAliases(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	for _, c := range []struct {
		body string
		want int
	}{
		{`{"email":"sales@example.org","destination":["alice@example.org"]}`, 200},
		{`{"email":"sales@example.org","destination":[]}`, 409},
		{`{"email":"sales@nowhere.example","destination":[]}`, 404},
		{`{"email":"sales","destination":[]}`, 400},
		{`{"email":"x@example.org","destination":["y"]}`, 400},
		{`{"destination":[]}`, 400},
	} {
		if got := r.api("POST", "alias", c.body); got.StatusCode != c.want {
			t.Errorf("POST /alias %s: %d %s", c.body, got.StatusCode, got.body)
		}
	}
	want := `[{"email": "sales@example.org", "comment": "", "destination": ["alice@example.org"], "wildcard": false}]`
	if got := r.api("GET", "alias", ""); got.StatusCode != 200 || strings.TrimSpace(got.body) != want {
		t.Errorf("GET /alias: %d %s", got.StatusCode, got.body)
	}
	if got := r.api("GET", "relay", ""); got.StatusCode != 200 || strings.TrimSpace(got.body) != "[]" {
		t.Errorf("GET /relay: %d %s", got.StatusCode, got.body)
	}
}
