package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is an IAM policy, wherever it stands.
type document struct{ Statement []statement }

type statement struct {
	Sid          string
	Effect       string
	Principal    principal
	Action       list
	Resource     list
	NotAction    list
	NotResource  list
	NotPrincipal any
	Condition    map[string]map[string]any
}

// list is one string or several.
type list []string

func (l *list) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = list{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

// principal is who a resource's policy or a role's trust speaks of, by kind: Service, AWS; "*" stands for everybody.
type principal map[string]list

func (p *principal) UnmarshalJSON(text []byte) error {
	if string(text) == `"*"` {
		*p = principal{"*": {"*"}}
		return nil
	}
	return json.Unmarshal(text, (*map[string]list)(p))
}

// grant is one statement and where it stands.
type grant struct {
	Owner string // logical id of the role, key, topic policy …
	Kind  string // its type
	statement
}

func (g grant) String() string {
	return fmt.Sprintf("%s: %s %s on %s", g.Owner, g.Effect, strings.Join(g.Action, ", "), strings.Join(g.Resource, ", "))
}

// conditioned reports whether the statement holds under one of the keys only.
func (g grant) conditioned(keys ...string) bool {
	for _, test := range g.Condition {
		for _, key := range keys {
			if _, ok := test[key]; ok {
				return true
			}
		}
	}
	return false
}

// grants finds every policy statement of the template, in whatever property it hides.
func grants(t *testing.T, from template) []grant {
	t.Helper()
	var all []grant
	for _, id := range slices.Sorted(maps.Keys(from.Resources)) {
		r := from.Resources[id]
		var content any
		if len(r.Properties) > 0 {
			convert(t, r.Properties, &content)
		}
		for _, d := range documents(t, content) {
			for _, s := range d.Statement {
				all = append(all, grant{id, r.Type, s})
			}
		}
	}
	return all
}

func documents(t *testing.T, in any) []document {
	var found []document
	switch in := in.(type) {
	case map[string]any:
		if in["Statement"] != nil {
			var d document
			convert(t, in, &d)
			return []document{d}
		}
		for _, value := range in {
			found = append(found, documents(t, value)...)
		}
	case []any:
		for _, value := range in {
			found = append(found, documents(t, value)...)
		}
	}
	return found
}

// holders are the resources whose policies allow an action that fits, on a resource that fits.
func holders(all []grant, action, resource func(string) bool) []string {
	found := map[string]bool{}
	for _, g := range all {
		if g.Effect == "Allow" && slices.ContainsFunc(g.Action, action) && slices.ContainsFunc(g.Resource, resource) {
			found[g.Owner] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func anything(string) bool { return true }

func is(want string) func(string) bool { return func(s string) bool { return s == want } }

// covers says whether a policy's resource pattern covers the resource; IAM's "*" goes over slashes too.
func covers(resource string) func(pattern string) bool {
	return func(pattern string) bool {
		expression := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
		return regexp.MustCompile("^" + expression + "$").MatchString(resource)
	}
}
