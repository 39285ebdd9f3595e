package mailu_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
)

// restart stops the server and starts it again from another folder with the same volumes.
func (r *running) restart() *running {
	r.t.Helper()
	if err := r.Close(); err != nil {
		r.t.Fatal(err)
	}
	moved := r.t.TempDir()
	if err := os.CopyFS(moved, os.DirFS(r.dir)); err != nil {
		r.t.Fatal(err)
	}
	r.dir = moved
	return r.start()
}

// TestVolumeMoves: users, tokens, DKIM keys and mail live on with their volume.
func TestVolumeMoves(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	for path, body := range map[string]string{"domain/example.org/dkim": "", "token": `{"email":"` + alice + `","comment":"phone"}`} {
		if got := r.api("POST", path, body); got.StatusCode != 200 {
			t.Fatal(got.body)
		}
	}
	c := r.submit(465)
	if err := c.Auth(sasl.NewPlainClient("", alice, alicePw)); err != nil {
		t.Fatal(err)
	}
	if err := c.SendMail(alice, []string{alice}, strings.NewReader(message(alice, alice, "kept"))); err != nil {
		t.Fatal(err)
	}
	asks := []string{"domain", "domain/example.org", "user", "user/" + alice, "token"}
	before := map[string]string{}
	for _, path := range asks {
		before[path] = r.api("GET", path, "").body
	}
	r = r.restart()
	for _, path := range asks {
		if got := r.api("GET", path, ""); got.body != before[path] || got.StatusCode != 200 {
			t.Errorf("%s:\n got %s\nwant %s", path, got.body, before[path])
		}
	}
	if messages := r.inbox(alice, alicePw); len(messages) != 1 || !strings.Contains(messages[0], "Subject: kept") {
		t.Errorf("mail: %q", messages)
	}
	if got := r.api("POST", "tokenuser/"+alice, `{}`); !strings.Contains(got.body, `"id": 2,`) {
		t.Errorf("the id of a token was given again: %s", got.body)
	}
}

// TestInitialAdmin: at a restart only update brings the password of mailu.env back.
func TestInitialAdmin(t *testing.T) {
	t.Parallel()
	for mode, reverted := range map[string]bool{"ifmissing": false, "create": false, "update": true} {
		t.Run(mode, func(t *testing.T) {
			p := newProject(t)
			p.env["INITIAL_ADMIN_MODE"] = mode
			r := p.start()
			if err := r.imap().Login("admin@example.com", adminPassword); err != nil {
				t.Fatal(err)
			}
			r.setPassword("admin@example.com", "Rotated")
			r = r.restart()
			if err := r.imap().Login("admin@example.com", adminPassword); (err == nil) != reverted {
				t.Errorf("password of mailu.env: %v", err)
			}
			if err := r.imap().Login("admin@example.com", "Rotated"); (err == nil) == reverted {
				t.Errorf("rotated password: %v", err)
			}
			var admin struct {
				GlobalAdmin bool `json:"global_admin"`
			}
			if err := json.Unmarshal([]byte(r.api("GET", "user/admin@example.com", "").body), &admin); err != nil || !admin.GlobalAdmin {
				t.Errorf("not a global admin (%v)", err)
			}
		})
	}
}
