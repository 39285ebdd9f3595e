package mailu

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

var domainSchema = schema{
	{name: "name", is: "string", required: true}, {name: "comment", is: "string"},
	{name: "max_users", is: "integer", least: new(-1)}, {name: "max_aliases", is: "integer", least: new(-1)},
	{name: "max_quota_bytes", is: "integer", least: new(0)}, {name: "signup_enabled", is: "boolean"},
}

// listDomains shows all domains, without the members that are null. One corrupt DKIM key file fails the whole list.
func (a *api) listDomains(call) (*answer, error) {
	var domains []domain
	a.store.read(func(d *database) { domains = slices.Clone(d.Domains) })
	shown := []any{}
	for _, d := range domains {
		view, err := a.view(d)
		if err != nil {
			return nil, err
		}
		shown = append(shown, view.withoutNull())
	}
	return &answer{http.StatusOK, shown}, nil
}

func (a *api) createDomain(c call) (*answer, error) {
	name := c.payload["name"].(string)
	if !validDomain(name) {
		return noDomainName(name, http.StatusBadRequest), nil
	}
	made := newDomain(strings.ToLower(name))
	data, err := json.Marshal(domainSchema[1:].pick(c.payload))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &made); err != nil {
		return nil, err
	}
	duplicate := false
	err = a.store.change(func(d *database) error {
		if duplicate = d.domain(made.Name) >= 0; !duplicate {
			d.Domains = append(d.Domains, made)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if duplicate {
		return say(http.StatusConflict, "Duplicate domain name %s", name), nil
	}
	return say(http.StatusOK, "Domain %s has been created", name), nil
}

// getDomain answers an impossible name with status 200: only the code in the body says 400.
func (a *api) getDomain(c call) (*answer, error) {
	found, refusal := a.find(c.name, http.StatusOK)
	if refusal != nil {
		return refusal, nil
	}
	view, err := a.view(found)
	return &answer{http.StatusOK, view}, err
}

// generateDKIM overwrites the domain's key at once.
func (a *api) generateDKIM(c call) (*answer, error) {
	found, refusal := a.find(c.name, http.StatusBadRequest)
	if refusal != nil {
		return refusal, nil
	}
	if err := a.dkim.generate(found.Name); err != nil {
		return nil, err
	}
	return say(http.StatusOK, "DKIM/DMARC keys have been generated for domain %s", c.name), nil
}

func (a *api) listDomainUsers(c call) (*answer, error) {
	found, refusal := a.find(c.name, http.StatusBadRequest)
	if refusal != nil {
		return refusal, nil
	}
	var users []account
	a.store.read(func(d *database) { users = d.usersOf(found.Name) })
	return &answer{http.StatusOK, users}, nil
}

// deleteDomain removes the domain with its users; its DKIM key file and their mail stay on the disk.
func (a *api) deleteDomain(c call) (*answer, error) {
	found, refusal := a.find(c.name, http.StatusBadRequest)
	if refusal != nil {
		return refusal, nil
	}
	err := a.store.change(func(d *database) error {
		d.deleteUsers(func(u account) bool { return u.domain() == found.Name })
		d.Domains = slices.DeleteFunc(d.Domains, func(dom domain) bool { return dom.Name == found.Name })
		return nil
	})
	return say(http.StatusOK, "Domain %s has been deleted", c.name), err
}

// find is the domain of that name; statusOfNonsense is the HTTP status when it cannot be a domain's name.
func (a *api) find(name string, statusOfNonsense int) (domain, *answer) {
	if !validDomain(name) {
		return domain{}, noDomainName(name, statusOfNonsense)
	}
	found, ok := a.store.domain(strings.ToLower(name))
	if !ok {
		return domain{}, say(http.StatusNotFound, "Domain %s does not exist", name)
	}
	return found, nil
}

func noDomainName(name string, status int) *answer {
	return sayWithin(status, http.StatusBadRequest, "Domain %s is not a valid domain", name)
}
