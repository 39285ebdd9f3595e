package mailu

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Mailu's own command, as its documentation of 2024.06 has it: https://mailu.io/2024.06/cli.html. An export prints what its
// filters name, on one line; an import with --update merges what it reads into what there is. Both leave alone what they are
// not told about.
//
// There is a `flask mailu password` too. It takes the password as an argument, where everybody on the server can read it in
// the list of processes; an import reads it from its standard input.
const (
	flaskMailu = inContainer + "admin flask mailu "
	importing  = flaskMailu + "config-import --quiet --update -"
	exporting  = flaskMailu + "config-export --json "

	exportAdmins = exporting + "user.email user.enabled user.global_admin user.password"
	exportTokens = exporting + "user.email user.tokens.id"
	exportSurvey = exporting + "user.email user.forward_destination user.forward_enabled user.global_admin user.manager_of " +
		"user.reply_enabled user.reply_enddate user.reply_startdate alias.destination alias.email alias.wildcard relay.name relay.smtp"
)

// command runs Mailu's own command on a server.
type command struct{ server runner }

// runner is a login on a server. *remote.Session is one.
type runner interface {
	RunUpTo(ctx context.Context, most int, command string, stdin io.Reader) (remote.Output, error)
}

// exported is what an export prints: the API's names for nearly everything, but the domains that a user manages are the
// user's, and so are its application passwords.
type exported struct {
	User []struct {
		User
		ManagerOf []string `json:"manager_of"`
		Tokens    []Token  `json:"tokens"`
	} `json:"user"`
	Alias []Alias `json:"alias"`
	Relay []Relay `json:"relay"`
}

// export runs one of the exports. What it printed may hold the hashes of every user, and goes nowhere else.
func (c command) export(ctx context.Context, what string) (exported, error) {
	out, err := c.server.RunUpTo(ctx, maxAnswer, what, nil)
	if err != nil {
		return exported{}, err
	}
	// Python may say something before it, such as a warning.
	lines := strings.Split(strings.TrimSpace(string(out.Stdout)), "\n")
	var all exported
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &all); err != nil || out.Truncated || all.User == nil {
		return exported{}, fault.MailuRefused.Errorf("%s: printed another form than Mailu 2024.06's", what) // err may quote a hash
	}
	return all, nil
}

// merge hands Mailu a user's attributes to change.
func (c command) merge(ctx context.Context, attributes map[string]any) error {
	text, err := json.Marshal(map[string]any{"user": []any{attributes}})
	if err != nil {
		return fault.Unexpected.Errorf("config-import: encode: %w", err)
	}
	// What it prints is kept from everybody: Mailu's errors quote what they refuse.
	_, err = c.server.RunUpTo(ctx, 0, importing, bytes.NewReader(text))
	return err
}

// has is Admins.Has.
func (c command) has(ctx context.Context, username string, password secret.String) (bool, error) {
	all, err := c.export(ctx, exportAdmins)
	if err != nil {
		return false, err
	}
	for _, u := range all.User {
		if u.Email == username {
			return u.Has(password) && u.GlobalAdmin && u.Enabled, nil
		}
	}
	return false, nil
}

// install is EnsureAdmin.
func (c command) install(ctx context.Context, credential Credential) (changed bool, err error) {
	if err := checkPassword(credential.Password); err != nil {
		return false, err
	}
	if has, err := c.has(ctx, credential.Username, credential.Password); err != nil || has {
		return false, err
	}
	err = c.merge(ctx, map[string]any{
		"email": credential.Username, "password": credential.Password.Reveal(), "hash_password": true, "enabled": true, "global_admin": true,
	})
	if err != nil {
		return false, err
	}
	has, err := c.has(ctx, credential.Username, credential.Password)
	if err == nil && !has {
		err = fault.MailuRefused.Tellf("Mailu's command took the password and Mailu does not have it")
	}
	return true, err
}

// tokens counts a user's application passwords.
func (c command) tokens(ctx context.Context, username string) (int, error) {
	all, err := c.export(ctx, exportTokens)
	if err != nil {
		return 0, err
	}
	for _, u := range all.User {
		if u.Email == username {
			return len(u.Tokens), nil
		}
	}
	return 0, nil
}

// revokeTokens deletes a user's application passwords, and counts those that were there and those that still are.
func (c command) revokeTokens(ctx context.Context, username string) (deleted, left int, err error) {
	had, err := c.tokens(ctx, username)
	if err != nil || had == 0 {
		return 0, 0, err
	}
	// The documentation's notation for all elements of a list that are not named.
	err = c.merge(ctx, map[string]any{"email": username, "tokens": []any{map[string]any{"-id": nil}}})
	if err != nil && !fault.Is(err, fault.ServerRefused) {
		return 0, 0, err
	}
	left, err = c.tokens(ctx, username)
	return max(0, had-left), left, err
}

// survey is what the API's survey finds.
func (c command) survey(ctx context.Context) (Found, error) {
	all, err := c.export(ctx, exportSurvey)
	if err != nil {
		return Found{}, err
	}
	var users []User
	managers := map[string][]string{} // by domain
	for _, u := range all.User {
		users = append(users, u.User)
		for _, domain := range u.ManagerOf {
			managers[domain] = append(managers[domain], u.Email)
		}
	}
	var domains []Domain
	for name, of := range managers {
		slices.Sort(of)
		domains = append(domains, Domain{Name: name, Managers: of})
	}
	return found(users, domains, all.Alias, all.Relay), nil
}
