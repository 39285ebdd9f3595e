package mailu

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// rate is a number of failures that are allowed within a time, as in "5/hour".
type rate struct {
	count int
	per   time.Duration
}

func parseRate(text string) (rate, error) {
	count, unit, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	per := map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[strings.TrimSpace(unit)]
	if err != nil || n < 1 || per == 0 {
		return rate{}, fmt.Errorf("%q is not a number per second, minute, hour or day", text)
	}
	return rate{n, per}, nil
}

// limiter counts failed logins in moving windows: per /24 (IPv6: /48) for bad API tokens and unknown users, per user for
// wrong passwords. Neither a right password, a rotation nor a restart resets a count (Mailu keeps them in redis).
//
// A network in Exempt is never limited, and neither is, for ExemptFor, an address from which somebody logged in over IMAP
// or submission. The same wrong password of a user counts once per window, so that a forgotten telephone locks nobody out.
type limiter struct {
	settings Settings
	now      func() time.Time
	path     string

	mu   sync.Mutex
	seen counts
}

type counts struct {
	Failures map[string][]time.Time // by network or user
	Until    map[string]time.Time   // exemptions and failures that were counted already
}

func openLimiter(path string, s Settings, now func() time.Time) (*limiter, error) {
	l := &limiter{settings: s, now: now, path: path, seen: counts{map[string][]time.Time{}, map[string]time.Time{}}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &l.seen)
	}
	if err != nil {
		return nil, fmt.Errorf("rate limits: %w", err)
	}
	return l, nil
}

// networkLimited tells whether the client's network has used up its failures.
func (l *limiter) networkLimited(client netip.Addr) bool {
	return l.limited("network "+network(client), client, l.settings.PerNetwork)
}

// userLimited tells whether the user has used up the failures, seen from this client.
func (l *limiter) userLimited(user string, client netip.Addr) bool {
	return l.limited("user "+user, client, l.settings.PerUser)
}

// networkFailed counts a bad token (user "") or a login as a user that does not exist.
func (l *limiter) networkFailed(client netip.Addr, user string) error {
	key := "network " + network(client)
	return l.failed(key, user != "", key+" as "+user, client, l.settings.PerNetwork)
}

// userFailed counts a wrong password.
func (l *limiter) userFailed(user string, client netip.Addr, password string) error {
	mac := hmac.New(sha256.New, []byte(user))
	mac.Write([]byte(password))
	guess := hex.EncodeToString(mac.Sum(nil))[58:] // 24 bits tell guesses apart and tell nobody the password
	return l.failed("user "+user, password != "", "guess "+user+" "+guess, client, l.settings.PerUser)
}

// exempt frees the client's address, after a successful login.
func (l *limiter) exempt(client netip.Addr) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen.Until["exempt "+client.String()] = l.now().Add(l.settings.ExemptFor)
	return l.save()
}

func (l *limiter) limited(key string, client netip.Addr, r rate) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.isExempt(client) && len(l.recent(key, r)) >= r.count
}

// failed counts one failure under key, unless the same one was counted within the window.
func (l *limiter) failed(key string, once bool, same string, client netip.Addr, r rate) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isExempt(client) || once && l.now().Before(l.seen.Until[same]) {
		return nil
	}
	if once {
		l.seen.Until[same] = l.now().Add(r.per)
	}
	if recent := l.recent(key, r); len(recent) < r.count {
		l.seen.Failures[key] = append(recent, l.now())
	}
	return l.save()
}

func (l *limiter) recent(key string, r rate) []time.Time {
	all := l.seen.Failures[key]
	for len(all) > 0 && l.now().Sub(all[0]) >= r.per {
		all = all[1:]
	}
	return all
}

func (l *limiter) isExempt(client netip.Addr) bool {
	for _, prefix := range l.settings.Exempt {
		if prefix.Contains(client) {
			return true
		}
	}
	return l.now().Before(l.seen.Until["exempt "+client.String()])
}

func (l *limiter) save() error { return writeJSON(l.path, l.seen) }

// network is what one limit is shared by.
func network(client netip.Addr) string {
	bits := 24
	if client.Is6() {
		bits = 48
	}
	prefix, err := client.Prefix(bits)
	if err != nil {
		return client.String()
	}
	return prefix.String()
}
