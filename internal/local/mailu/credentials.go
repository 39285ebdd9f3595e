package mailu

import (
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
)

// gate decides who may log in.
type gate struct {
	store    *store
	limiter  *limiter
	sessions *sessions
	log      *slog.Logger

	mu sync.Mutex
	// known are passwords that were right before, by user, so that only the first login pays for bcrypt. An entry holds
	// under the salt of the hash it was checked against: after a rotation the old password fails at the next attempt.
	known map[string]knownPassword
}

type knownPassword struct {
	salt   string
	digest [sha256.Size]byte
}

// attempt is one login at a mail port, as the front describes it to the admin container.
type attempt struct {
	user, password string
	protocol       string // imap or smtp
	port           int    // 10143 and 10025 are the webmail's own
	client         netip.Addr
}

func (a attempt) fromWebmail() bool { return a.port == 10143 || a.port == 10025 }

// verdict is the outcome; a limited login looks like a wrong password.
type verdict struct {
	admitted, exists bool
}

// admit checks a login at a mail port and counts a failure.
func (g *gate) admit(a attempt) verdict {
	if a.user == "" || a.password == "" {
		return verdict{} // the front has no credentials to ask about
	}
	byToken := appToken.MatchString(a.password)
	if !a.fromWebmail() && !byToken && g.limiter.networkLimited(a.client) {
		return verdict{}
	}
	user, exists := g.store.user(a.user)
	admitted := exists && user.Enabled && (a.protocol != "imap" || user.EnableIMAP || a.fromWebmail()) && g.right(user, a)
	var err error
	switch {
	case exists && !byToken && !a.fromWebmail() && g.limiter.userLimited(a.user, a.client):
		return verdict{exists: true}
	case admitted:
		err = g.limiter.exempt(a.client)
	case exists:
		err = g.limiter.userFailed(a.user, a.client, a.password)
	case !a.fromWebmail():
		err = g.limiter.networkFailed(a.client, a.user)
	}
	if err != nil {
		g.log.Error("a login could not be counted", "error", err)
	}
	return verdict{admitted, exists}
}

// right tells whether the user may come in with that: a webmail session's token, an app token or the password.
func (g *gate) right(user account, a attempt) bool {
	if a.fromWebmail() && strings.HasPrefix(a.password, "token-") && g.sessions.holdsToken(user.Email, a.password) {
		return true
	}
	if appToken.MatchString(a.password) && g.tokenAdmits(user.Email, a.password, a.client) {
		return true
	}
	return g.passwordRight(user, a.password)
}

func (g *gate) tokenAdmits(email, secret string, client netip.Addr) (ok bool) {
	g.store.read(func(d *database) {
		for _, t := range d.Tokens {
			ok = ok || t.Email == email && t.admits(secret, client)
		}
	})
	return ok
}

// passwordRight compares with the hash. The empty password is never right: who sets it locks the user out.
func (g *gate) passwordRight(user account, password string) bool {
	if password == "" {
		return false
	}
	salt := saltOf(user.Password)
	digest := sha256.Sum256([]byte(salt + password))
	g.mu.Lock()
	known, ok := g.known[user.Email]
	if ok && known.salt != salt {
		delete(g.known, user.Email)
		ok = false
	}
	g.mu.Unlock()
	if ok {
		return known.digest == digest
	}
	if !matches(user.Password, password) {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known[user.Email] = knownPassword{salt, digest}
	return true
}

// formVerdict is the outcome of the login form; unlike at a mail port, an app token is no password here.
func (g *gate) formVerdict(email, password string, client netip.Addr) (account, string) {
	byToken := appToken.MatchString(password)
	switch {
	case !byToken && g.limiter.networkLimited(client):
		return account{}, "Too many attempts from your IP (rate-limit)"
	case !byToken && g.limiter.userLimited(email, client):
		return account{}, "Too many attempts for this user (rate-limit)"
	}
	user, exists := g.store.user(email)
	if exists && user.Enabled && g.passwordRight(user, password) {
		return user, ""
	}
	var err error
	if exists {
		err = g.limiter.userFailed(email, client, password)
	} else {
		err = g.limiter.networkFailed(client, email)
	}
	if err != nil {
		g.log.Error("a login could not be counted", "error", err)
	}
	return account{}, "Wrong e-mail or password"
}
