package mailu

import (
	"crypto/subtle"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// api is /api/v1, in the part that this repository uses.
type api struct {
	settings Settings
	store    *store
	dkim     dkimKeys
	limiter  *limiter
	sessions *sessions
	log      *slog.Logger
}

// call is one request to one operation, its payload checked.
type call struct {
	name    string // what {} stood for in the path
	payload map[string]any
}

// operation is what one method does on one path.
type operation struct {
	expects schema // nil: no payload
	serve   func(call) (*answer, error)
}

// routes has operations by path below /api/v1, {} standing for one segment, and by method.
func (a *api) routes() map[string]map[string]operation {
	return map[string]map[string]operation{
		"domain":         {"GET": {nil, a.listDomains}, "POST": {domainSchema, a.createDomain}},
		"domain/{}":      {"GET": {nil, a.getDomain}, "DELETE": {nil, a.deleteDomain}},
		"domain/{}/dkim": {"POST": {nil, a.generateDKIM}},
		"domain/{}/users": {
			"GET": {nil, a.listDomainUsers}},
		"user":         {"GET": {nil, a.listUsers}, "POST": {userSchema, a.createUser}},
		"user/{}":      {"GET": {nil, a.getUser}, "PATCH": {userUpdateSchema, a.updateUser}, "DELETE": {nil, a.deleteUser}},
		"token":        {"GET": {nil, a.listTokens}, "POST": {tokenSchema, a.createToken}},
		"token/{}":     {"GET": {nil, a.getToken}, "DELETE": {nil, a.deleteToken}},
		"tokenuser/{}": {"GET": {nil, a.listUserTokens}, "POST": {tokenFields, a.createUserToken}},
		"alias":        {"GET": {nil, a.listAliases}, "POST": {aliasSchema, a.createAlias}},
		"relay":        {"GET": {nil, a.listRelays}},
	}
}

// ServeHTTP answers a request below /api/v1: unknown path, wrong method, payload, rate limit and token are looked at in
// this order, as Flask-RESTX does.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pattern, name := templateOf(strings.TrimPrefix(r.URL.EscapedPath(), "/api/v1/"))
	methods, ok := a.routes()[pattern]
	if !ok {
		page(w, http.StatusNotFound, notFoundPage)
		return
	}
	op, ok := methods[r.Method]
	if !ok {
		w.Header().Set("Allow", strings.Join(slices.Sorted(maps.Keys(methods)), ", "))
		plain(http.StatusMethodNotAllowed, "The method is not allowed for the requested URL.").write(w)
		return
	}
	a.answer(op, r, name).write(w)
}

func (a *api) answer(op operation, r *http.Request, name string) *answer {
	c := call{name: name}
	if op.expects != nil {
		var refusal *answer
		if c.payload, refusal = op.expects.readPayload(r); refusal != nil {
			return refusal
		}
	}
	refusal, err := a.authorize(r.Header.Get("Authorization"), clientOf(r))
	if err == nil && refusal == nil {
		refusal, err = op.serve(c)
	}
	if err != nil {
		a.log.Error("the API failed", "path", r.URL.Path, "error", err)
		return plain(http.StatusInternalServerError, "Internal Server Error")
	}
	return refusal
}

// authorize checks the API token. "Bearer " before it may be missing, but not written in another way.
func (a *api) authorize(header string, client netip.Addr) (*answer, error) {
	switch {
	case a.limiter.networkLimited(client):
		return plain(http.StatusTooManyRequests, "Too many attempts from your IP (rate-limit)"), nil
	case header == "":
		return plain(http.StatusUnauthorized, "A valid Authorization header is mandatory"), nil
	case len(a.settings.APIToken) < 4, subtle.ConstantTimeCompare([]byte(strings.TrimPrefix(header, "Bearer ")), []byte(a.settings.APIToken)) == 0:
		return plain(http.StatusForbidden, "Invalid API token"), a.limiter.networkFailed(client, "")
	}
	return nil, nil
}

// templateOf replaces the second segment of a path by {} and returns it decoded.
func templateOf(path string) (pattern, name string) {
	segments := strings.Split(path, "/")
	if len(segments) < 2 || segments[1] == "" {
		return path, ""
	}
	name, err := url.PathUnescape(segments[1])
	if err != nil {
		return "", ""
	}
	segments[1] = "{}"
	return strings.Join(segments, "/"), name
}

// clientOf is the address that a request came from; the front tells it in X-Real-IP, which it sets itself.
func clientOf(r *http.Request) netip.Addr {
	if addr, err := netip.ParseAddr(r.Header.Get("X-Real-IP")); err == nil {
		return addr.Unmap()
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}
