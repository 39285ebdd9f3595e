package mailu

import (
	"fmt"
	"html"
	"net/http"
)

// login is the form at /sso/login. A success answers 302, a failure 200 and the form again, saying why.
type login struct {
	gate     *gate
	sessions *sessions
	webmail  bool
}

const loginPage = `<!doctype html>
<html lang="en">
<title>Mailu</title>
<h1>Mailu</h1>
%s<form method="post">
<input name="email" type="email">
<input name="pw" type="password">
<input name="pwned" type="hidden" value="-1">
%s</form>
`

func (l *login) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		l.form(w, "")
	case http.MethodPost:
		l.post(w, r)
	default:
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	}
}

func (l *login) post(w http.ResponseWriter, r *http.Request) {
	email, password := r.PostFormValue("email"), r.PostFormValue("pw")
	if !acceptedByForm(email) || password == "" {
		l.form(w, "") // the form's own check: nothing is counted
		return
	}
	destination := ""
	switch {
	case r.PostFormValue("submitAdmin") != "":
		destination = "/admin"
	case l.webmail && r.PostFormValue("submitWebmail") != "":
		destination = "/webmail"
	default:
		// Mailu needs to know which of its two buttons was pressed, and fails without one.
		page(w, http.StatusInternalServerError, "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n")
		return
	}
	user, refusal := l.gate.formVerdict(email, password, clientOf(r))
	if refusal != "" {
		l.form(w, refusal)
		return
	}
	l.sessions.begin(w, user.Email, r.Header.Get("X-Forwarded-Proto") == "https")
	if user.ChangePwNextLogin {
		destination = "/sso/pw_change"
	}
	w.Header().Set("Location", destination)
	page(w, http.StatusFound, "")
}

func (l *login) form(w http.ResponseWriter, refusal string) {
	if refusal != "" {
		refusal = fmt.Sprintf("<p class=\"error\">%s</p>\n", html.EscapeString(refusal))
	}
	buttons := "<input name=\"submitAdmin\" type=\"submit\" value=\"Sign in Admin\">\n"
	if l.webmail {
		buttons += "<input name=\"submitWebmail\" type=\"submit\" value=\"Sign in Webmail\">\n"
	}
	page(w, http.StatusOK, fmt.Sprintf(loginPage, refusal, buttons))
}
