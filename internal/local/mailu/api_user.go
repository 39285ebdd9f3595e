package mailu

import (
	"net/http"
	"slices"
	"strings"
)

var (
	userSchema       = append(schema{{name: "email", is: "string", required: true}, {name: "raw_password", is: "string", required: true}}, accountFields...)
	userUpdateSchema = append(schema{{name: "raw_password", is: "string"}}, accountFields...)
)

func (a *api) listUsers(call) (*answer, error) {
	users := []any{}
	a.store.read(func(d *database) {
		for _, u := range d.Users {
			users = append(users, withoutNull(u))
		}
	})
	return &answer{http.StatusOK, users}, nil
}

// withoutNull is a user as the list of all users shows it: members that are null are left out.
func withoutNull(u account) any {
	return struct {
		account
		ReplySubject *string `json:"reply_subject,omitempty"`
		ReplyBody    *string `json:"reply_body,omitempty"`
	}{u, u.ReplySubject, u.ReplyBody}
}

// createUser makes the account. The domain part is taken in lower case; of the local part the case stays.
func (a *api) createUser(c call) (*answer, error) {
	email := c.payload["email"].(string)
	if !validEmail(email) {
		return noEmail(email), nil
	}
	local, domainName, _ := splitAddress(email)
	domainName = strings.ToLower(domainName)
	user := newAccount(local + "@" + domainName)
	if err := user.apply(c.payload); err != nil {
		return nil, err
	}
	var refusal *answer
	err := a.store.change(func(d *database) error {
		switch {
		case d.domain(domainName) < 0:
			refusal = say(http.StatusNotFound, "Domain %s does not exist", domainName)
		case d.user(user.Email) != nil:
			refusal = say(http.StatusConflict, "User %s already exists", email)
		default:
			d.Users = append(d.Users, user)
		}
		return nil
	})
	if err != nil || refusal != nil {
		return refusal, err
	}
	return say(http.StatusOK, "User %s has been created", email), nil
}

func (a *api) getUser(c call) (*answer, error) {
	if !validEmail(c.name) {
		return noEmail(c.name), nil
	}
	user, ok := a.store.user(c.name)
	if !ok {
		return noUser(c.name), nil
	}
	return &answer{http.StatusOK, user}, nil
}

// updateUser changes settings and password. A new password ends the user's web sessions; app tokens and open IMAP and
// submission sessions survive it.
func (a *api) updateUser(c call) (*answer, error) {
	if !validEmail(c.name) {
		return noEmail(c.name), nil
	}
	found := false
	err := a.store.change(func(d *database) error {
		user := d.user(c.name)
		if user == nil {
			return nil
		}
		found = true
		return user.apply(c.payload)
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return noUser(c.name), nil
	}
	if _, ok := c.payload["raw_password"]; ok {
		a.sessions.end(c.name)
	}
	return say(http.StatusOK, "User %s has been updated", c.name), nil
}

func (a *api) deleteUser(c call) (*answer, error) {
	if !validEmail(c.name) {
		return noEmail(c.name), nil
	}
	found := false
	err := a.store.change(func(d *database) error {
		found = d.user(c.name) != nil
		d.deleteUsers(func(u account) bool { return u.Email == c.name })
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return noUser(c.name), nil
	}
	a.sessions.end(c.name)
	return say(http.StatusOK, "User %s has been deleted", c.name), nil
}

// usersOf are the accounts of one domain.
func (d *database) usersOf(name string) []account {
	return slices.DeleteFunc(slices.Clone(d.Users), func(u account) bool { return u.domain() != name })
}

func (a account) domain() string {
	_, name, _ := splitAddress(a.Email)
	return name
}

func noEmail(address string) *answer {
	return say(http.StatusBadRequest, "Provided email address %s is not a valid email address", address)
}

func noUser(address string) *answer {
	return say(http.StatusNotFound, "User %s cannot be found", address)
}
