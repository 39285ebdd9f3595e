package mailu

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

var (
	tokenFields = schema{{name: "comment", is: "string"}, {name: "AuthorizedIP", is: "array"}}
	tokenSchema = append(schema{{name: "email", is: "string", required: true}}, tokenFields...)
)

// tokenView is a token as it is listed. The token itself is shown once, when it is made.
type tokenView struct {
	ID           int      `json:"id"`
	Email        string   `json:"email"`
	Comment      string   `json:"comment"`
	AuthorizedIP []string `json:"AuthorizedIP"`
	Created      string   `json:"Created"`
	LastEdit     string   `json:"Last edit"`
}

func (t token) view() tokenView {
	return tokenView{t.ID, t.Email, t.Comment, t.Networks, t.Created, "None"}
}

func (a *api) listTokens(call) (*answer, error) {
	return a.tokens(func(token) bool { return true }), nil
}

func (a *api) listUserTokens(c call) (*answer, error) {
	if !validEmail(c.name) {
		return noEmail(c.name), nil
	}
	if _, ok := a.store.user(c.name); !ok {
		return noUser(c.name), nil
	}
	return a.tokens(func(t token) bool { return t.Email == c.name }), nil
}

func (a *api) tokens(of func(token) bool) *answer {
	views := []tokenView{}
	a.store.read(func(d *database) {
		for _, t := range d.Tokens {
			if of(t) {
				views = append(views, t.view())
			}
		}
	})
	return &answer{http.StatusOK, views}
}

func (a *api) createToken(c call) (*answer, error) {
	return a.makeToken(c.payload["email"].(string), c.payload)
}

func (a *api) createUserToken(c call) (*answer, error) { return a.makeToken(c.name, c.payload) }

func (a *api) makeToken(email string, payload map[string]any) (*answer, error) {
	if !validEmail(email) {
		return noEmail(email), nil
	}
	if _, ok := a.store.user(email); !ok {
		return noUser(email), nil
	}
	networks, _ := payload["AuthorizedIP"].([]any)
	made, secret := newToken(email, time.Now())
	made.Comment, _ = payload["comment"].(string)
	for _, n := range networks {
		if _, err := parseNetwork(n.(string)); err != nil {
			return say(http.StatusBadRequest, "Provided AuthorizedIP %s in %s is invalid", n, pythonRepr(networks)), nil
		}
		made.Networks = append(made.Networks, n.(string))
	}
	err := a.store.change(func(d *database) error {
		made.ID = d.NextToken
		d.NextToken++
		d.Tokens = append(d.Tokens, made)
		return nil
	})
	return &answer{http.StatusOK, struct {
		ID           int      `json:"id"`
		Token        string   `json:"token"`
		Email        string   `json:"email"`
		Comment      string   `json:"comment"`
		AuthorizedIP []string `json:"AuthorizedIP"`
		Created      string   `json:"Created"`
	}{made.ID, secret, made.Email, made.Comment, made.Networks, made.Created}}, err
}

func (a *api) getToken(c call) (*answer, error) {
	refusal := noToken(c.name)
	a.store.read(func(d *database) {
		if i := d.token(c.name); i >= 0 {
			refusal = &answer{http.StatusOK, d.Tokens[i].view()}
		}
	})
	return refusal, nil
}

func (a *api) deleteToken(c call) (*answer, error) {
	found := false
	err := a.store.change(func(d *database) error {
		i := d.token(c.name)
		if found = i >= 0; found {
			d.Tokens = slices.Delete(d.Tokens, i, i+1)
		}
		return nil
	})
	if err != nil || !found {
		return noToken(c.name), err
	}
	return say(http.StatusOK, "Token with id %s has been deleted", c.name), nil
}

func (d *database) token(id string) int {
	return slices.IndexFunc(d.Tokens, func(t token) bool { return strconv.Itoa(t.ID) == id })
}

func noToken(id string) *answer {
	return say(http.StatusNotFound, "Record cannot be found for id %s or invalid id provided", id)
}
