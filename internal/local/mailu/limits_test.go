package mailu_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

func (r *running) withToken(token string, header ...string) int {
	r.t.Helper()
	return r.do("GET", r.url(8080, "/api/v1/domain"), "", append(header, "Authorization", "Bearer "+token)...).StatusCode
}

// TestBadTokens: five in an hour close the API to the whole /24, the right token included.
func TestBadTokens(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	now := time.Now()
	p.clock = func() time.Time { return now }
	r := p.start()
	for i := range 5 {
		if got := r.withToken(fmt.Sprint("bad", i), "X-Real-IP", fmt.Sprint("192.0.2.", i)); got != 403 {
			t.Errorf("bad token %d: %d", i, got)
		}
	}
	if got := r.withToken(apiToken, "X-Real-IP", "192.0.2.200"); got != 429 {
		t.Errorf("right token of the same network: %d", got)
	}
	if got := r.withToken(apiToken, "X-Real-IP", "192.0.3.1"); got != 200 {
		t.Errorf("right token of another network: %d", got)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = p.start()
	if got := r.withToken(apiToken, "X-Real-IP", "192.0.2.1"); got != 429 {
		t.Errorf("after a restart: %d", got)
	}
	now = now.Add(time.Hour)
	if got := r.withToken(apiToken, "X-Real-IP", "192.0.2.1"); got != 200 {
		t.Errorf("an hour later: %d", got)
	}
}

// TestFrontTellsTheClient: a client cannot choose the address it is counted under.
func TestFrontTellsTheClient(t *testing.T) {
	t.Parallel()
	r := newProject(t).start()
	for i := range 5 {
		r.do("GET", r.url(443, "/api/v1/domain"), "", "Authorization", "bearer "+apiToken, "X-Real-IP", fmt.Sprintf("192.0.%d.1", i))
	}
	if got := r.do("GET", r.url(443, "/api/v1/domain"), "", "Authorization", "Bearer "+apiToken); got.StatusCode != 429 {
		t.Errorf("after five tokens with a small bearer: %d", got.StatusCode)
	}
}

func TestExemption(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.env["AUTH_RATELIMIT_EXEMPTION"] = "198.51.100.0/24, 192.0.2.7"
	r := p.start()
	for i := range 20 {
		r.withToken(fmt.Sprint("bad", i), "X-Real-IP", "192.0.2.7")
	}
	if got := r.withToken(apiToken, "X-Real-IP", "192.0.2.7"); got != 200 {
		t.Errorf("an exempt address: %d", got)
	}
}

// TestUserLimit: fifty different wrong passwords in a day lock the user; a rotation does not help, and nothing tells it
// from a wrong password.
func TestUserLimit(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	p.env["AUTH_RATELIMIT_USER"] = "3/day" // of fifty, to spare the machine's time
	r := p.start()
	r.addUser(alice, alicePw)
	for range 5 {
		if err := r.imap().Login(alice, "the same guess"); err == nil {
			t.Fatal("a wrong password opened the mailbox")
		}
	}
	for i := range 2 {
		if err := r.imap().Login(alice, fmt.Sprint("guess ", i)); err == nil {
			t.Fatal("a wrong password opened the mailbox")
		}
	}
	r.setPassword(alice, "Password-two")
	locked := r.imap().Login(alice, "Password-two")
	if locked == nil {
		t.Fatal("the user is not locked")
	}
	r.addUser("carol@example.org", "Password-of-carol")
	wrong := r.imap().Login("carol@example.org", "wrong")
	if wrong == nil || locked.Error() != wrong.Error() {
		t.Errorf("locked says %v, wrong says %v", locked, wrong)
	}
}

// guess asks as the front does whether alice may log in over IMAP, from an address with a password.
func (r *running) guess(ip, password string) string {
	r.t.Helper()
	return r.do("GET", r.url(8080, "/internal/auth/email"), "", "Auth-Protocol", "imap", "Auth-Port", "143", "Client-Ip", ip,
		"Auth-User", alice, "Auth-Pass", password).Header.Get("Auth-Status")
}

// TestDefaultUserLimit: the limit is fifty, and a login from an address frees that address from it.
func TestDefaultUserLimit(t *testing.T) {
	t.Parallel()
	r := newProject(t).start()
	r.addUser(alice, alicePw)
	if got := r.guess("192.0.2.1", alicePw); got != "OK" {
		t.Fatal(got)
	}
	// With the password known, a wrong one is told without bcrypt.
	for i := range 49 {
		r.guess("203.0.113.9", fmt.Sprint("guess-", i))
	}
	for range 5 {
		r.guess("203.0.113.9", "guess-0") // counted before
	}
	if got := r.guess("203.0.113.1", alicePw); got != "OK" {
		t.Errorf("after 49 different guesses: %s", got)
	}
	r.guess("203.0.113.9", "guess-49")
	if got := r.guess("203.0.113.9", alicePw); got == "OK" {
		t.Error("fifty guesses did not lock the user")
	}
	if got := r.guess("192.0.2.1", alicePw); got != "OK" {
		t.Errorf("from where the user had logged in before: %s", got)
	}
}

// TestTokenNetworks: an app token works only from the networks it was made for.
func TestTokenNetworks(t *testing.T) {
	t.Parallel()
	r := newProject(t).start()
	r.addUser(alice, alicePw)
	var made struct{ Token string }
	got := r.api("POST", "tokenuser/"+alice, `{"AuthorizedIP":["192.0.2.0/24","2001:db8::1"]}`)
	if err := json.Unmarshal([]byte(got.body), &made); err != nil {
		t.Fatal(err)
	}
	for ip, ok := range map[string]bool{"192.0.2.77": true, "2001:db8::1": true, "192.0.3.1": false} {
		if got := r.guess(ip, made.Token); (got == "OK") != ok {
			t.Errorf("from %s: %s", ip, got)
		}
	}
	if got := r.api("POST", "tokenuser/"+alice, `{"AuthorizedIP":["everywhere"]}`); got.StatusCode != 400 {
		t.Errorf("a network that is none: %d %s", got.StatusCode, got.body)
	}
}
