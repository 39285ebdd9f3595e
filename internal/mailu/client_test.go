package mailu

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

const bob = "bob@tenant.example.org"

func TestReads(t *testing.T) {
	a := startAPI(t)
	c := a.client()
	a.on("GET /ping", "ping")
	a.on("GET /user/"+bob, "find user")
	a.on("GET /user/nobody@tenant.example.org", "find unknown")
	a.on("GET /user", "domain users")
	a.on("GET /tokenuser/"+bob, "list tokens of user (tokenuser/)")
	a.on("GET /domain", "raw token (no Bearer)")
	a.on("GET /domain/tenant.example.org", "get domain (dkim)")
	a.on("GET /domain/unknown.example.org", "get domain unknown")
	a.say("aliases", 200, "application/json", `[{"email":"a@tenant.example.org","destination":["x@elsewhere.example"],"comment":null,"wildcard":false}]`)
	a.on("GET /alias", "aliases")
	a.say("relays", 200, "application/json", `[{"name":"relayed.example","smtp":"mx.relayed.example"}]`)
	a.on("GET /relay", "relays")

	if err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	user, err := c.User(t.Context(), bob)
	if err != nil || user == nil || user.Email != bob || user.GlobalAdmin || !user.Enabled || user.ReplyEnd != "2999-12-31" || user.Hash.Empty() {
		t.Errorf("User = %+v, %v", user, err)
	}
	if user, err := c.User(t.Context(), "nobody@tenant.example.org"); user != nil || err != nil {
		t.Errorf("unknown user = %+v, %v", user, err)
	}
	users, err := c.Users(t.Context())
	if err != nil || len(users) != 2 || !users[1].Has(secret.New("")) || users[0].Has(secret.New("")) {
		t.Errorf("Users = %+v, %v; want two, the second with the empty password", users, err)
	}
	tokens, err := c.Tokens(t.Context(), bob)
	if err != nil || len(tokens) != 2 || tokens[0].ID != 1 || tokens[0].Comment != "phone" || !slices.Equal(tokens[0].AuthorizedIP, []string{"127.0.0.0/8"}) {
		t.Errorf("Tokens = %+v, %v", tokens, err)
	}
	domain, err := c.Domain(t.Context(), "tenant.example.org")
	if err != nil || domain == nil {
		t.Fatalf("Domain = %+v, %v", domain, err)
	}
	key, err := domain.DKIM()
	if err != nil || key.Name != "dkim._domainkey.tenant.example.org" || !strings.HasPrefix(key.Value, "v=DKIM1; k=rsa; p=MIIBIjAN") || !strings.HasSuffix(key.Value, "IDAQAB") {
		t.Errorf("DKIM = %+v, %v", key, err)
	}
	if domain, err := c.Domain(t.Context(), "unknown.example.org"); domain != nil || err != nil {
		t.Errorf("unknown domain = %+v, %v", domain, err)
	}
	if aliases, err := c.Aliases(t.Context()); err != nil || len(aliases) != 1 || aliases[0].Destination[0] != "x@elsewhere.example" {
		t.Errorf("Aliases = %+v, %v", aliases, err)
	}
	if relays, err := c.Relays(t.Context()); err != nil || len(relays) != 1 || relays[0].SMTP != "mx.relayed.example" {
		t.Errorf("Relays = %+v, %v", relays, err)
	}
}

// Every odd answer becomes the fault that says whether trying again helps, and none of them quotes what was sent.
func TestOddAnswers(t *testing.T) {
	a := startAPI(t)
	a.say("rate limited", 429, "application/json", `{"message": "Too many attempts from your IP (rate-limit)"}`)
	a.say("front without a certificate", 403, "text/html", `<html>403 Forbidden</html>`)
	a.say("redirect to the webmail", 302, "text/html", ``)
	a.say("webmail", 200, "text/html; charset=utf-8", `<!doctype html><title>Roundcube</title>`)
	a.say("half", 200, "application/json", `{"email": "bob@tenant`)
	a.say("twice", 200, "application/json", `{"email": "bob@tenant.example.org", "email": "eve@tenant.example.org", "password": "x"}`)
	a.say("somebody else", 200, "application/json", `{"email": "eve@tenant.example.org", "password": "x"}`)
	a.say("bad gateway", 502, "text/html", `<html>502</html>`)
	for name, want := range map[string]fault.Name{
		"no auth header": fault.MailuRefused, "bad token": fault.MailuRefused,
		"find invalid": fault.MailuRefused, "get domain invalid name": fault.MailuRefused,
		"invalid JSON": fault.MailuRefused, "no content-type json": fault.MailuRefused, "PUT method": fault.MailuRefused,
		"unknown path": fault.MailuRefused, "create user wrong type": fault.MailuRefused,
		"PATCH long 5000 password": fault.MailuUnavailable, "rate limited": fault.MailuUnavailable,
		"front without a certificate": fault.MailuUnavailable, "bad gateway": fault.MailuUnavailable,
		"redirect to the webmail": fault.MailuRefused, "webmail": fault.MailuRefused,
		"half": fault.MailuRefused, "twice": fault.MailuRefused, "somebody else": fault.MailuRefused,
		"domain users": fault.MailuRefused, "PATCH raw_password": fault.MailuRefused,
	} {
		t.Run(name, func(t *testing.T) {
			a.on("GET /user/"+bob, name)
			user, err := a.client().User(t.Context(), bob)
			if !fault.Is(err, want) {
				t.Errorf("User = %+v, %v; want %s", user, err, want)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	a := startAPI(t)
	c := a.client()
	a.Close()
	if err := c.Ready(t.Context()); !fault.Is(err, fault.MailuUnavailable) || strings.Contains(err.Error(), apiTokenText) {
		t.Errorf("err = %v, want MailuUnavailable without the token", err)
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	if err := c.Ping(ctx); !fault.Is(err, fault.MailuUnavailable) {
		t.Errorf("err = %v, want MailuUnavailable", err)
	}
}

// userWith is an answer to GET /user with a hash from the vectors.
func userWith(hash string, admin, enabled string) string {
	return `{"email":"` + bob + `","password":"` + hash + `","global_admin":` + admin + `,"enabled":` + enabled + `}`
}

const (
	password     = "correct horse battery staple"
	passwordHash = "$bcrypt-sha256$v=2,t=2b,r=5$TIjh/3fborYV9lKtReSU4u$8dAXw7UMmLQYKwFfYabNZ5oYHG8tIMe"
	otherHash    = "$bcrypt-sha256$v=2,t=2b,r=5$a4g9fT2.ZOTvCWbQrbVOfO$hq3ByhoFqWUhCHOqUPvkPyeyzn.c53u"
)

func TestSetPasswordBelievesTheHashAlone(t *testing.T) {
	a := startAPI(t)
	a.say("set", 200, "application/json", userWith(passwordHash, "true", "true"))
	a.on("PATCH /user/"+bob, "PATCH raw_password")
	a.on("GET /user/"+bob, "set")
	if err := a.client().SetPassword(t.Context(), bob, secret.New(password)); err != nil {
		t.Fatal(err)
	}
	if got := a.bodies["PATCH /user/"+bob]; got != `{"raw_password":"`+password+`"}` {
		t.Errorf("sent %s", got)
	}
	for name, lined := range map[string][2]string{
		"a field that Mailu ignored":  {"unknown field PATCH", "find user"},
		"a schema error":              {"create user wrong type", "set"},
		"200 with a refusal inside":   {"get domain invalid name", "set"},
		"200 without a code":          {"find user", "set"},
		"the user is gone":            {"PATCH unknown user", "set"},
		"gone between the two":        {"PATCH raw_password", "find unknown"},
		"a refused read after it all": {"PATCH raw_password", "bad token"},
	} {
		t.Run(name, func(t *testing.T) {
			a.on("PATCH /user/"+bob, lined[0])
			a.on("GET /user/"+bob, lined[1])
			err := a.client().SetPassword(t.Context(), bob, secret.New(password))
			if !fault.Is(err, fault.MailuRefused) || strings.Contains(err.Error(), password) {
				t.Errorf("err = %v, want MailuRefused without the password", err)
			}
		})
	}
}

func TestPasswordsThatMailuWouldMishandle(t *testing.T) {
	a := startAPI(t)
	for _, text := range []string{"", strings.Repeat("x", 4097)} {
		if err := a.client().SetPassword(t.Context(), bob, secret.New(text)); !fault.Is(err, fault.CredentialMissing) {
			t.Errorf("%d bytes: %v, want CredentialMissing", len(text), err)
		}
		if _, err := a.client().CreateAdmin(t.Context(), bob, secret.New(text)); !fault.Is(err, fault.CredentialMissing) {
			t.Errorf("%d bytes: %v, want CredentialMissing", len(text), err)
		}
	}
	if asked := a.changes(); len(asked) > 0 {
		t.Errorf("Mailu was asked for %q", asked)
	}
}

func TestEnsureAdmin(t *testing.T) {
	for name, c := range map[string]struct {
		reads   []string
		creates string
		want    bool
		changes []string
	}{
		"all is well":         {[]string{"set"}, "", false, nil},
		"missing":             {[]string{"find unknown", "set"}, "create user", true, []string{"POST /user"}},
		"created meanwhile":   {[]string{"find unknown", "other", "set"}, "create user dup", true, []string{"POST /user", "PATCH /user/" + bob}},
		"another password":    {[]string{"other", "set"}, "", true, []string{"PATCH /user/" + bob}},
		"disabled, no admin":  {[]string{"disabled", "set"}, "", true, []string{"PATCH /user/" + bob}},
		"everything is wrong": {[]string{"find user", "set"}, "", true, []string{"PATCH /user/" + bob, "PATCH /user/" + bob}},
	} {
		t.Run(name, func(t *testing.T) {
			a := startAPI(t)
			a.say("set", 200, "application/json", userWith(passwordHash, "true", "true"))
			a.say("other", 200, "application/json", userWith(otherHash, "true", "true"))
			a.say("disabled", 200, "application/json", userWith(passwordHash, "false", "false"))
			a.on("GET /user/"+bob, c.reads...)
			a.on("POST /user", c.creates)
			a.on("PATCH /user/"+bob, "PATCH raw_password")
			changed, err := EnsureAdmin(t.Context(), a.client(), Credential{Username: bob, Password: secret.New(password)})
			if err != nil || changed != c.want || !slices.Equal(a.changes(), c.changes) {
				t.Errorf("changed %v by %q, %v; want %v by %q", changed, a.changes(), err, c.want, c.changes)
			}
		})
	}
}

func TestCreateDomain(t *testing.T) {
	a := startAPI(t)
	a.on("GET /domain/tenant.example.org", "get domain (no dkim)")
	for _, answer := range []string{"create domain", "create domain dup"} {
		a.on("POST /domain", answer)
		if err := a.client().CreateDomain(t.Context(), "tenant.example.org"); err != nil {
			t.Errorf("%s: %v", answer, err)
		}
	}
	a.on("POST /domain", "create domain invalid")
	if err := a.client().CreateDomain(t.Context(), "tenant.example.org"); !fault.Is(err, fault.MailuRefused) {
		t.Errorf("invalid: %v, want MailuRefused", err)
	}
	domain, err := a.client().Domain(t.Context(), "tenant.example.org")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := domain.DKIM(); !fault.Is(err, fault.MailuRefused) {
		t.Errorf("a domain without a key: %v, want MailuRefused", err)
	}
}

func TestDeleteToken(t *testing.T) {
	a := startAPI(t)
	for _, answer := range []string{"delete token 2", "delete token 2 again"} {
		a.on("DELETE /token/2", answer)
		if err := a.client().DeleteToken(t.Context(), 2); err != nil {
			t.Errorf("%s: %v", answer, err)
		}
	}
	a.on("DELETE /token/2", "unknown path")
	if err := a.client().DeleteToken(t.Context(), 2); !fault.Is(err, fault.MailuRefused) {
		t.Errorf("err = %v, want MailuRefused", err)
	}
}
