package mailu_test

import (
	"net/http"
	"net/url"
	"testing"
)

func TestFront(t *testing.T) {
	t.Parallel()
	r := newProject(t).start()
	for _, c := range []struct {
		port   int
		path   string
		status int
		to     string
	}{
		{443, "/health", 204, ""},
		{443, "/", 302, "/webmail"},
		{443, "/webmail", 302, "/sso/login?url=%2Fwebmail"},
		{443, "/admin", 302, "/sso/login?url=%2Fadmin"},
		{443, "/sso/login", 200, ""},
		{443, "/internal/auth/user", 404, ""},
		{443, "/api/v1/domain", 401, ""},
		{80, "/webmail?x=1", 301, "https://" + r.Addr(443).String() + "/webmail?x=1"},
		{80, "/.well-known/acme-challenge/x", 404, ""},
	} {
		got := r.do("GET", r.url(c.port, c.path), "")
		if got.StatusCode != c.status || got.Header.Get("Location") != c.to {
			t.Errorf("%d %s: %d %s", c.port, c.path, got.StatusCode, got.Header.Get("Location"))
		}
	}
}

// logIn posts the login form at the front.
func (r *running) logIn(email, password, button string) reply {
	r.t.Helper()
	form := url.Values{"email": {email}, "pw": {password}, "pwned": {"-1"}}
	if button != "" {
		form.Set(button, "x")
	}
	return r.do("POST", r.url(443, "/sso/login"), form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func TestWebmailLogin(t *testing.T) {
	t.Parallel()
	r := withAlice(t)
	got := r.logIn(alice, alicePw, "submitWebmail")
	if got.StatusCode != http.StatusFound || got.Header.Get("Location") != "/webmail" || len(got.Cookies()) != 1 || !got.Cookies()[0].Secure {
		t.Fatalf("%d to %q", got.StatusCode, got.Header.Get("Location"))
	}
	cookie := got.Cookies()[0].Name + "=" + got.Cookies()[0].Value
	if got := r.do("GET", r.url(443, "/webmail"), "", "Cookie", cookie); got.StatusCode != 200 {
		t.Errorf("webmail with a session: %d", got.StatusCode)
	}
	r.setPassword(alice, "Password-two")
	if got := r.do("GET", r.url(443, "/webmail"), "", "Cookie", cookie); got.StatusCode != 302 {
		t.Errorf("webmail with a session of before the rotation: %d", got.StatusCode)
	}
	if got := r.logIn(alice, alicePw, "submitWebmail"); got.StatusCode != 200 {
		t.Errorf("old password: %d", got.StatusCode)
	}
	if got := r.logIn(alice, "Password-two", ""); got.StatusCode != 500 {
		t.Errorf("no button pressed: %d", got.StatusCode)
	}
}

// TestSpecialDomains: the form refuses .test itself, the right password or not, while IMAP lets the user in.
func TestSpecialDomains(t *testing.T) {
	t.Parallel()
	r := newProject(t).start()
	r.addUser("dora@tenant.test", "Password-of-dora")
	if got := r.logIn("dora@tenant.test", "Password-of-dora", "submitWebmail"); got.StatusCode != 200 {
		t.Errorf("login form: %d", got.StatusCode)
	}
	if err := r.imap().Login("dora@tenant.test", "Password-of-dora"); err != nil {
		t.Error(err)
	}
}

// TestWithoutCertificate: until there is one, the API is reached through the admin container's port alone.
func TestWithoutCertificate(t *testing.T) {
	t.Parallel()
	for _, flavor := range []string{"letsencrypt", "cert"} {
		t.Run(flavor, func(t *testing.T) {
			p := newProject(t)
			p.env["TLS_FLAVOR"] = flavor
			if flavor == "cert" {
				p.remove("certs/key.pem")
			}
			r := p.start()
			for _, port := range []int{443, 465, 587, 993} {
				if r.Addr(port) != nil || r.listens(port) {
					t.Errorf("port %d is open", port)
				}
			}
			for path, status := range map[string]int{"/": 403, "/api/v1/domain": 403, "/health": 403, "/.well-known/acme-challenge/x": 404} {
				if got := r.do("GET", r.url(80, path), ""); got.StatusCode != status {
					t.Errorf("%s: %d", path, got.StatusCode)
				}
			}
			if got := r.api("GET", "domain", ""); got.StatusCode != 200 || !r.listens(25) {
				t.Errorf("admin port: %d, incoming mail: %v", got.StatusCode, r.listens(25))
			}
		})
	}
}

func TestPreplacedLetsEncryptCertificate(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.env["TLS_FLAVOR"] = "letsencrypt"
	cert, key := p.certificate()
	p.write("certs/letsencrypt/live/mailu/fullchain.pem", cert)
	p.write("certs/letsencrypt/live/mailu/privkey.pem", key)
	r := p.start()
	if got := r.do("GET", r.url(443, "/health"), ""); got.StatusCode != 204 {
		t.Errorf("health: %d", got.StatusCode)
	}
}
