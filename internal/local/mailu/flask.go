package mailu

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Mailu's own command, `flask mailu …` in the admin container, in the two forms that are used: `config-export --json
// FILTER…` and `config-import --quiet --update -`. This is not recorded. It follows the documentation of 2024.06 (options,
// filters, attributes, the notation of what is to be deleted) and what the published source does besides: the order of
// members, the texts of errors, that nothing is printed with --quiet, and that what is asked for by name is never hidden.
const (
	exportWords = "flask mailu config-export --json"
	importWords = "flask mailu config-import --quiet --update -"
)

// flask answers the command.
func (c *containers) flask(words []string, stdin string) Ran {
	switch line := strings.Join(words, " "); {
	case line == importWords:
		return c.configImport(stdin)
	case strings.HasPrefix(line, exportWords+" "):
		return c.configExport(words[len(strings.Fields(exportWords)):])
	}
	return Ran{Stderr: "Error: this command is not known here\n", Status: clickUsage}
}

// Exit statuses of Click: a command that fails, and one that is called in another way than it knows.
const (
	clickFailed = 1
	clickUsage  = 2
)

func clickError(format string, args ...any) Ran {
	return Ran{Stderr: "Error: " + fmt.Sprintf(format, args...) + "\n", Status: clickFailed}
}

// section is a kind of objects, each as its attributes.
type section struct {
	name    string
	key     string // the attribute that comes first
	objects []map[string]any
	known   []string
}

// configExport prints the attributes that the filters name, of every object, on one line.
func (c *containers) configExport(filters []string) Ran {
	sections := c.sections()
	named := map[string][]string{} // attributes, by section
	for _, f := range filters {
		kind, attribute, _ := strings.Cut(f, ".")
		at := slices.IndexFunc(sections, func(s section) bool { return s.name == kind })
		if at < 0 || !slices.Contains(sections[at].known, attribute) {
			return clickError("Invalid filter: %s", f)
		}
		named[kind] = append(named[kind], attribute)
	}
	var printed []string
	for _, s := range sections {
		if len(named[s.name]) == 0 {
			continue
		}
		objects := []string{}
		for _, o := range s.objects {
			objects = append(objects, s.print(o, named[s.name]))
		}
		printed = append(printed, fmt.Sprintf(`"%s":[%s]`, s.name, strings.Join(objects, ",")))
	}
	return Ran{Stdout: "{" + strings.Join(printed, ",") + "}\n"}
}

// print writes an object's attributes, its key first and the others in the order of their names. A list that is not there
// is left out.
func (s section) print(object map[string]any, attributes []string) string {
	slices.Sort(attributes)
	if at := slices.Index(attributes, s.key); at > 0 {
		attributes = slices.Insert(slices.Delete(attributes, at, at+1), 0, s.key)
	}
	var members []string
	for _, name := range attributes {
		value, ok := object[name]
		if !ok {
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			continue // nothing that cannot be written is ever put there
		}
		member, _, _ := strings.Cut(name, ".") // of tokens.id
		members = append(members, fmt.Sprintf("%q:%s", member, text))
	}
	return "{" + strings.Join(members, ",") + "}"
}

var userAttributes = []string{
	"email", "enabled", "forward_destination", "forward_enabled", "global_admin", "manager_of", "password", "reply_enabled", "reply_enddate",
	"reply_startdate", "tokens.id",
}

// sections are what can be exported. Nothing here makes domain managers or relays.
func (c *containers) sections() []section {
	users := section{name: "user", key: "email", known: userAttributes}
	aliases := section{name: "alias", key: "email", known: []string{"email", "destination", "wildcard"}}
	c.store.read(func(d *database) {
		for _, u := range d.Users {
			attributes := map[string]any{
				"email": u.Email, "password": u.Password, "enabled": u.Enabled, "global_admin": u.GlobalAdmin, "manager_of": []string{},
				"forward_enabled": u.ForwardEnabled, "forward_destination": u.ForwardDestination,
				"reply_enabled": u.ReplyEnabled, "reply_startdate": u.ReplyStartdate, "reply_enddate": u.ReplyEnddate,
			}
			var tokens []map[string]int
			for _, t := range d.Tokens {
				if t.Email == u.Email {
					tokens = append(tokens, map[string]int{"id": t.ID})
				}
			}
			if tokens != nil {
				attributes["tokens.id"] = tokens
			}
			users.objects = append(users.objects, attributes)
		}
		for _, a := range d.Aliases {
			aliases.objects = append(aliases.objects, map[string]any{"email": a.Email, "destination": a.Destination, "wildcard": a.Wildcard})
		}
	})
	return []section{users, aliases, {name: "relay", key: "name", known: []string{"name", "smtp"}}}
}
