package mailu

import (
	"net/http"
	"slices"
	"strings"
)

// alias sends mail for one address on to others. This is not recorded: it follows the published source of Mailu's API.
type alias struct {
	Email       string   `json:"email"`
	Comment     string   `json:"comment"`
	Destination []string `json:"destination"`
	Wildcard    bool     `json:"wildcard"`
}

var aliasSchema = schema{
	{name: "email", is: "string", required: true}, {name: "comment", is: "string"},
	{name: "destination", is: "array"}, {name: "wildcard", is: "boolean"},
}

func (a *api) listAliases(call) (*answer, error) {
	aliases := []alias{}
	a.store.read(func(d *database) { aliases = append(aliases, d.Aliases...) })
	return &answer{http.StatusOK, aliases}, nil
}

func (a *api) createAlias(c call) (*answer, error) {
	made := alias{Email: c.payload["email"].(string)}
	if !validEmail(made.Email) {
		return say(http.StatusBadRequest, "Provided alias %s is not a valid email address", made.Email), nil
	}
	_, domainName, _ := strings.Cut(strings.ToLower(made.Email), "@")
	if _, ok := a.store.domain(domainName); !ok {
		return say(http.StatusNotFound, "Domain %s does not exist (%s)", domainName, made.Email), nil
	}
	made.Comment, _ = c.payload["comment"].(string)
	made.Wildcard, _ = c.payload["wildcard"].(bool)
	destinations, _ := c.payload["destination"].([]any)
	for _, to := range destinations {
		if !validEmail(to.(string)) {
			return say(http.StatusBadRequest, "Provided destination email address %s is not a valid email address", to), nil
		}
		made.Destination = append(made.Destination, to.(string))
	}
	duplicate := false
	err := a.store.change(func(d *database) error {
		duplicate = slices.ContainsFunc(d.Aliases, func(one alias) bool { return one.Email == made.Email })
		if !duplicate {
			d.Aliases = append(d.Aliases, made)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case duplicate:
		return say(http.StatusConflict, "Duplicate alias %s", made.Email), nil
	}
	return say(http.StatusOK, "Alias %s to destination(s) %s has been created", made.Email, pythonRepr(destinations)), nil
}

// listRelays: nothing here makes a relay.
func (a *api) listRelays(call) (*answer, error) { return &answer{http.StatusOK, []any{}}, nil }
