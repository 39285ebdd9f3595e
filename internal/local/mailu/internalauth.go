package mailu

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
)

// internalAPI is what Mailu's other containers ask the admin container: who may log in, which key signs for a domain. It
// cannot be reached through the front.
type internalAPI struct {
	gate  *gate
	store *store
	dkim  dkimKeys
}

func (i *internalAPI) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /internal/auth/email", i.email)
	mux.HandleFunc("GET /internal/auth/user", i.user)
	mux.HandleFunc("GET /internal/auth/basic", i.basic)
	mux.HandleFunc("GET /internal/rspamd/vault/v1/dkim/{domain}", i.signingKey)
}

// email answers the front's question about a login at a mail port: headers in, headers out, always 200.
func (i *internalAPI) email(w http.ResponseWriter, r *http.Request) {
	user, _ := url.PathUnescape(r.Header.Get("Auth-User"))
	password, _ := url.PathUnescape(r.Header.Get("Auth-Pass"))
	port, _ := strconv.Atoi(r.Header.Get("Auth-Port"))
	client, _ := netip.ParseAddr(r.Header.Get("Client-Ip"))
	a := attempt{user: user, password: password, protocol: r.Header.Get("Auth-Protocol"), port: port, client: client.Unmap()}
	v := i.gate.admit(a)
	h := w.Header()
	h.Set("Auth-User", user)
	h.Set("Auth-User-Exists", map[bool]string{true: "True", false: "False"}[v.exists])
	if v.admitted {
		h.Set("Auth-Status", "OK")
		h.Set("Auth-Server", "127.0.0.1")
		h.Set("Auth-Port", map[string]string{"imap": "143", "smtp": "10025"}[a.protocol])
	} else {
		h.Set("Auth-Status", refusedText)
		h.Set("Auth-Error-Code", map[string]string{"imap": imapRefused, "smtp": "535 5.7.8"}[a.protocol])
		h.Set("Auth-Wait", "0")
	}
	page(w, http.StatusOK, "")
}

const (
	refusedText = "Authentication credentials invalid"
	imapRefused = "AUTHENTICATIONFAILED"
)

// user tells whose web session a request belongs to, and the token by which the webmail reads that user's mail.
func (i *internalAPI) user(w http.ResponseWriter, r *http.Request) {
	one, ok := i.gate.sessions.of(r)
	if user, exists := i.store.user(one.user); !ok || !exists || !user.Enabled {
		page(w, http.StatusForbidden, "<!doctype html>\n<html lang=en>\n<title>403 Forbidden</title>\n")
		return
	}
	w.Header().Set("X-User", one.user)
	w.Header().Set("X-User-Token", one.token)
	page(w, http.StatusOK, "")
}

// basic checks a login by HTTP basic authentication, as calendars use it.
func (i *internalAPI) basic(w http.ResponseWriter, r *http.Request) {
	user, password, ok := r.BasicAuth()
	if ok && i.gate.admit(attempt{user: user, password: password, protocol: "web", client: clientOf(r)}).admitted {
		w.Header().Set("X-User", user)
		page(w, http.StatusOK, "")
		return
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="Login Required"`)
	page(w, http.StatusUnauthorized, "")
}

// signingKey hands the spam filter a domain's private key, in the form of Vault's HTTP API.
func (i *internalAPI) signingKey(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("domain")
	type selector struct {
		Domain   string `json:"domain"`
		Key      string `json:"key"`
		Selector string `json:"selector"`
	}
	selectors := []selector{}
	if _, known := i.store.domain(name); known {
		if key, err := os.ReadFile(i.dkim.path(name)); err == nil {
			selectors = append(selectors, selector{name, string(key), i.dkim.selector})
		}
	}
	body, err := json.Marshal(map[string]any{"data": map[string]any{"selectors": selectors}})
	if err != nil {
		plain(http.StatusInternalServerError, "Internal Server Error").write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // a client that went away needs no answer
}
