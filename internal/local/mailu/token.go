package mailu

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/netip"
	"regexp"
	"slices"
	"time"
)

// token is an app token: a second password of a user, for one program. It survives a change of the password.
type token struct {
	ID       int
	Email    string
	Comment  string
	Networks []string // from which it may be used; empty: from everywhere
	Created  string   // YYYY-MM-DD
	Digest   string   // SHA-256 of the token, hex
}

// appToken is the form of every token, by which Mailu tells it from a password.
var appToken = regexp.MustCompile(`^[0-9a-f]{32}$`)

func newToken(email string, now time.Time) (t token, secret string) {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	secret = hex.EncodeToString(raw)
	return token{Email: email, Networks: []string{}, Created: now.Format(time.DateOnly), Digest: digestOf(secret)}, secret
}

func digestOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// admits tells whether the token is this one, used from where it may be.
func (t token) admits(secret string, client netip.Addr) bool {
	if subtle.ConstantTimeCompare([]byte(digestOf(secret)), []byte(t.Digest)) == 0 {
		return false
	}
	return len(t.Networks) == 0 || slices.ContainsFunc(t.Networks, func(n string) bool {
		prefix, err := parseNetwork(n)
		return err == nil && prefix.Contains(client)
	})
}
