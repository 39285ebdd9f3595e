package mailu_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// script is the recorded session, step by step: the requests that were sent to Mailu's admin container.
type script struct {
	*running
	steps  []step
	tokens []string // app tokens that were made
	cookie string
	secret string // the webmail's token of the web session
}

// step sends one request and writes the answer as the recording does.
type step struct {
	name   string
	replay func() string
}

const (
	bob   = "bob@tenant.example.org"
	oldPw = "First-password.1"
	newPw = "Second-password.2"
)

func newScript(r *running) *script {
	s := &script{running: r}
	s.authorization()
	s.domains()
	s.users()
	s.passwords()
	s.appTokens()
	s.oddities()
	s.web()
	s.ending()
	return s
}

func (s *script) step(name string, replay func() string) {
	s.steps = append(s.steps, step{name, replay})
}

// call is a step that sends one request to the API with the right token.
func (s *script) call(name, method, path, body string) {
	s.step(name, func() string { return shown(s.api(method, path, body)) })
}

// shown is an answer in one line, with its status and content type.
func shown(r reply) string {
	return fmt.Sprintf("%s [%d %s]", strings.ReplaceAll(r.body, "\n", " "), r.StatusCode, r.Header.Get("Content-Type"))
}

// login is a step that asks as the front does, whether the user may log in at a port.
func (s *script) login(name string, port int, password func() string) {
	s.step(name, func() string {
		protocol := map[int]string{143: "imap", 10143: "imap", 465: "smtp"}[port]
		got := s.do("GET", s.url(8080, "/internal/auth/email"), "", "Auth-Method", "plain", "Auth-Protocol", protocol,
			"Auth-User", url.PathEscape(bob), "Auth-Pass", url.PathEscape(password()), "Auth-Port", fmt.Sprint(port), "Client-Ip", "127.0.0.1")
		var line strings.Builder
		for _, h := range []string{"Auth-Status", "Auth-Server", "Auth-Error-Code", "Auth-User", "Auth-User-Exists", "Auth-Port", "Auth-Wait"} {
			if v := got.Header.Get(h); v != "" {
				fmt.Fprintf(&line, "%s: %s;", h, v)
			}
		}
		return fmt.Sprintf("%s%d;", &line, got.StatusCode)
	})
}

func is(password string) func() string { return func() string { return password } }

func (s *script) authorization() {
	s.step("ping", func() string { return shown(s.do("GET", s.url(8080, "/ping"), "")) })
	list := func(header ...string) func() string {
		return func() string { return shown(s.do("GET", s.url(8080, "/api/v1/domain"), "", header...)) }
	}
	s.step("no auth header", list())
	s.step("bad token", list("Authorization", "Bearer wrong"))
	s.step("raw token (no Bearer)", list("Authorization", apiToken))
}

func (s *script) domains() {
	s.call("create domain", "POST", "domain", `{"name":"tenant.example.org","comment":"t"}`)
	s.call("create domain dup", "POST", "domain", `{"name":"tenant.example.org"}`)
	s.call("create domain invalid", "POST", "domain", `{"name":"not a domain"}`)
	s.call("get domain invalid name", "GET", "domain/bad_dom", "")
	s.call("get domain unknown", "GET", "domain/unknown.example.org", "")
	s.call("get domain (no dkim)", "GET", "domain/tenant.example.org", "")
	s.call("generate dkim", "POST", "domain/tenant.example.org/dkim", "")
	s.call("generate dkim unknown domain", "POST", "domain/unknown.example.org/dkim", "")
	s.call("get domain (dkim)", "GET", "domain/tenant.example.org", "")
}

func (s *script) users() {
	s.call("create user", "POST", "user", fmt.Sprintf(`{"email":%q,"raw_password":%q,"comment":"c","displayed_name":"Bob"}`, bob, oldPw))
	s.call("create user dup", "POST", "user", fmt.Sprintf(`{"email":%q,"raw_password":"x"}`, bob))
	s.call("create user unknown domain", "POST", "user", `{"email":"bob@nope.example.org","raw_password":"x"}`)
	s.call("create user no password", "POST", "user", `{"email":"no@tenant.example.org"}`)
	s.call("create user empty password", "POST", "user", `{"email":"empty@tenant.example.org","raw_password":""}`)
	s.call("create user invalid mail", "POST", "user", `{"email":"bad","raw_password":"x"}`)
	s.call("create user wrong type", "POST", "user", `{"email":"type@tenant.example.org","raw_password":123}`)
	s.call("invalid JSON", "POST", "user", `{"email":`)
	s.step("no content-type json", func() string {
		return shown(s.do("POST", s.url(8080, "/api/v1/user"), "{}", "Authorization", "Bearer "+apiToken, "Content-Type", "text/plain"))
	})
	s.call("empty body PATCH", "PATCH", "user/"+bob, "")
	s.call("unknown field PATCH", "PATCH", "user/"+bob, `{"passwrod":"x"}`)
	s.call("find user", "GET", "user/"+bob, "")
	s.call("find user upper", "GET", "user/BOB@Tenant.Example.Org", "")
	s.call("find unknown", "GET", "user/nobody@tenant.example.org", "")
	s.call("find invalid", "GET", "user/nobody", "")
}

func (s *script) passwords() {
	patch := func(name, user, password string) {
		s.call(name, "PATCH", "user/"+user, `{"raw_password":`+password+`}`)
	}
	s.login("auth old pw (1st, bcrypt)", 143, is(oldPw))
	s.login("auth old pw (2nd, cached)", 143, is(oldPw))
	s.login("auth wrong", 143, is("wrong"))
	patch("PATCH raw_password", bob, `"`+newPw+`"`)
	s.login("auth OLD right after", 143, is(oldPw))
	s.login("auth NEW right after", 143, is(newPw))
	s.login("auth NEW submission 465", 465, is(newPw))
	patch("PATCH empty password", bob, `""`)
	s.login("auth NEW after empty", 143, is(newPw))
	s.login("auth EMPTY after empty", 143, is(""))
	patch("PATCH null password", bob, `null`)
	patch("PATCH weak password 'a'", bob, `"a"`)
	s.login("auth weak", 143, is("a"))
	patch("PATCH NUL password", bob, `"a\u0000b"`)
	patch("PATCH long 5000 password", bob, `"`+strings.Repeat("x", 5000)+`"`)
	patch("PATCH unicode", bob, `"pässwörd-密码"`)
	s.login("auth unicode", 143, is("pässwörd-密码"))
	patch("PATCH unknown user", "nobody@tenant.example.org", `"x"`)
	patch("PATCH mixed case", "Bob@Tenant.Example.Org", `"never-set"`)
	s.login("auth after mixed case patch", 143, is("never-set"))
	s.call("disable user", "PATCH", "user/"+bob, `{"enabled":false}`)
	s.login("auth disabled", 143, is("pässwörd-密码"))
	s.call("enable user", "PATCH", "user/"+bob, `{"enabled":true}`)
}

func (s *script) appTokens() {
	made := func(got reply) reply {
		var answer struct{ Token string }
		if err := json.Unmarshal([]byte(got.body), &answer); err != nil || answer.Token == "" {
			s.t.Fatalf("no token in %s: %v", got.body, err)
		}
		s.tokens = append(s.tokens, answer.Token)
		return got
	}
	s.step("create token (/token)", func() string {
		return shown(made(s.api("POST", "token", `{"email":"`+bob+`","comment":"phone","AuthorizedIP":["127.0.0.0/8"]}`)))
	})
	s.step("list tokens of user (tokenuser/)", func() string {
		made(s.api("POST", "tokenuser/"+bob, `{"comment":"tok2"}`))
		return shown(s.api("GET", "tokenuser/"+bob, ""))
	})
	s.call("list tokens of user (token/user/)", "GET", "token/user/"+bob, "")
	s.login("auth app token", 143, func() string { return s.tokens[0] })
	s.call("PATCH raw_password", "PATCH", "user/"+bob, `{"raw_password":"Third-password.3"}`)
	s.login("app token AFTER password rotation", 143, func() string { return s.tokens[0] })
	s.call("delete token 2", "DELETE", "token/2", "")
	s.call("delete token 2 again", "DELETE", "token/2", "")
	s.login("app token AFTER delete", 143, func() string { return s.tokens[1] })
}

func (s *script) oddities() {
	s.call("domain users", "GET", "domain/tenant.example.org/users", "")
	s.call("PUT method", "PUT", "user/"+bob, `{}`)
	s.call("unknown path", "GET", "nothing/here", "")
	s.call("delete user", "DELETE", "user/empty@tenant.example.org", "")
	s.call("delete user again", "DELETE", "user/empty@tenant.example.org", "")
}

func (s *script) web() {
	post := func(password string) reply {
		form := url.Values{"email": {bob}, "pw": {password}, "pwned": {"-1"}, "submitAdmin": {"x"}}
		return s.do("POST", s.url(8080, "/sso/login"), form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	s.step("SSO GET has csrf? 0", func() string {
		return fmt.Sprintf("SSO GET has csrf? %d", strings.Count(s.do("GET", s.url(8080, "/sso/login"), "").body, "csrf"))
	})
	var wrong reply
	s.step("SSO wrong: 200 loc=", func() string {
		wrong = post("wrong")
		return fmt.Sprintf("SSO wrong: %d loc=%s", wrong.StatusCode, wrong.Header.Get("Location"))
	})
	s.step("Wrong e-mail or password", func() string {
		_, text, _ := strings.Cut(wrong.body, `<p class="error">`)
		text, _, _ = strings.Cut(text, "</p>")
		return text
	})
	s.step("SSO right: 302 loc=BASE/admin", func() string {
		got := post("Third-password.3")
		to, err := got.Location()
		if err != nil {
			s.t.Fatal(err)
		}
		for _, c := range got.Cookies() {
			s.cookie = c.Name + "=" + c.Value
		}
		return fmt.Sprintf("SSO right: %d loc=%s", got.StatusCode, to)
	})
	session := func() reply { return s.do("GET", s.url(8080, "/internal/auth/user"), "", "Cookie", s.cookie) }
	s.step("/internal/auth/user with session: HTTP/1.1 200 OK;X-User: bob@tenant.example.org;X-User-Token: SESSION-TOKEN;", func() string {
		got := session()
		s.secret = got.Header.Get("X-User-Token")
		return fmt.Sprintf("/internal/auth/user with session: %s %s;X-User: %s;X-User-Token: %s;", got.Proto, got.Status, got.Header.Get("X-User"), s.secret)
	})
	s.login("webmail token imap 10143 (before)", 10143, func() string { return s.secret })
	s.call("PATCH raw_password", "PATCH", "user/"+bob, `{"raw_password":"Fourth-password.4"}`)
	s.step("old web session after rotation: 403", func() string {
		return fmt.Sprintf("old web session after rotation: %d", session().StatusCode)
	})
	s.login("webmail token imap 10143 (after)", 10143, func() string { return s.secret })
	basic := func(password string) func() string {
		return func() string {
			request := http.Request{Header: http.Header{}}
			request.SetBasicAuth(bob, password)
			return shown(s.do("GET", s.url(8080, "/internal/auth/basic"), "", "Authorization", request.Header.Get("Authorization")))
		}
	}
	s.step("auth basic ok", basic("Fourth-password.4"))
	s.step("auth basic bad", basic("wrong"))
}

func (s *script) ending() {
	s.step("rspamd vault dkim", func() string {
		return shown(s.do("GET", s.url(8080, "/internal/rspamd/vault/v1/dkim/tenant.example.org"), ""))
	})
	s.call("delete domain with users", "DELETE", "domain/tenant.example.org", "")
	s.login("auth user after domain delete", 143, is("Fourth-password.4"))
	s.step("-rw-r--r-- tenant.example.org.dkim.key", func() string {
		info, err := os.Stat(filepath.Join(s.dir, "dkim", "tenant.example.org.dkim.key"))
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%s %s", info.Mode(), info.Name())
	})
}
