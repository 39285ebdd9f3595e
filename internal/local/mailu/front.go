package mailu

import (
	"html"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const acme = "/.well-known/acme-challenge/"

// front is what browsers and the API's users reach over HTTPS. It hands on to the admin container and keeps that
// container's internal addresses to itself.
type front struct {
	admin    http.Handler
	sessions *sessions
	api      bool
	webmail  bool
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	r.Header.Set("X-Real-IP", host)
	r.Header.Set("X-Forwarded-Proto", "https")
	path := r.URL.Path
	switch {
	case path == "/health":
		w.WriteHeader(http.StatusNoContent)
	case path == "/":
		redirect(w, "/webmail")
	case within(path, "/api") && f.api, within(path, "/sso"), within(path, "/admin"):
		f.admin.ServeHTTP(w, r)
	case within(path, "/webmail") && f.webmail:
		signedIn(f.sessions, "Webmail").ServeHTTP(w, r)
	default:
		page(w, http.StatusNotFound, notFoundPage)
	}
}

// signedIn is a page for whoever has a web session; all others are sent to the form.
func signedIn(sessions *sessions, title string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one, ok := sessions.of(r)
		if !ok {
			redirect(w, "/sso/login?url="+url.QueryEscape(r.URL.Path))
			return
		}
		page(w, http.StatusOK, "<!doctype html>\n<html lang=\"en\">\n<title>"+title+"</title>\n<p>"+html.EscapeString(one.user)+"</p>\n")
	})
}

// clear is port 80: everything goes to HTTPS.
func clear(httpsPort int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, acme) {
			page(w, http.StatusNotFound, notFoundPage) // no certificate is being asked for
			return
		}
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if httpsPort != 443 {
			host = net.JoinHostPort(host, strconv.Itoa(httpsPort))
		}
		w.Header().Set("Location", "https://"+host+r.URL.RequestURI())
		page(w, http.StatusMovedPermanently, "")
	})
}

// closed is port 80 of a front without a certificate: nothing but the certificate's own challenge gets through, so that
// the API cannot be reached before DNS points to the server, except through the admin container's port.
func closed() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, acme) {
			page(w, http.StatusNotFound, notFoundPage)
			return
		}
		page(w, http.StatusForbidden, "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body>\r\n<center><h1>403 Forbidden</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n")
	})
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	page(w, http.StatusFound, "")
}
