package mailu

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"sync"
)

// sessions are the logins over the web. A new password ends all sessions of its user.
type sessions struct {
	mu   sync.Mutex
	byID map[string]session
}

// session is one login; token is what the webmail logs in with over IMAP in the user's name.
type session struct {
	user  string
	token string
}

const sessionCookie = "session"

// begin logs a user in and gives the browser its cookie.
func (s *sessions) begin(w http.ResponseWriter, user string, secure bool) {
	id := rand.Text()
	s.mu.Lock()
	s.byID[id] = session{user, "token-" + rand.Text() + rand.Text()[:17]} // 43 characters, as recorded
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: id, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode})
}

// of is the session that a request belongs to.
func (s *sessions) of(r *http.Request) (session, bool) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.byID[cookie.Value]
	return found, ok
}

// end ends all sessions of a user.
func (s *sessions) end(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, one := range s.byID {
		if one.user == user {
			delete(s.byID, id)
		}
	}
}

// endAll ends the sessions of everybody.
func (s *sessions) endAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID = map[string]session{}
}

// holdsToken tells whether a session of the user has that token.
func (s *sessions) holdsToken(user, token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.byID {
		if one.user == user && subtle.ConstantTimeCompare([]byte(one.token), []byte(token)) == 1 {
			return true
		}
	}
	return false
}
