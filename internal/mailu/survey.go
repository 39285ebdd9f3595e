package mailu

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Found is what a global administrator can have set up to keep a way in or to read along. All of it may be the tenant's own
// doing: people must judge.
type Found struct {
	Administrators Listed `json:"administrators"` // global ones
	Managers       Listed `json:"managers"`       // of domains
	Aliases        Listed `json:"aliases"`
	Relays         Listed `json:"relays"`
	Forwards       Listed `json:"forwards"`
	AutoReplies    Listed `json:"auto_replies"`
	// NotVisible is where else to look: Mailu's API does not show it.
	NotVisible []string `json:"not_visible"`
}

// invisible is what the API of 2024.06 does not show. Mail that Mailu fetches for a user elsewhere is set up by that user,
// and so are Sieve filters, which may forward.
var invisible = []string{"fetch accounts (fetchmail)", "Sieve filters", "when users were last changed"}

// unseen is a server of which nothing can be seen from here.
func unseen() Found {
	none := Listed{Count: -1, Shown: []string{}}
	return Found{none, none, none, none, none, none, append([]string{
		"administrators", "managers", "aliases", "relays", "forwards", "automatic replies",
	}, invisible...)}
}

// Listed is a list of which the first entries are shown.
type Listed struct {
	// Count is -1 for a list that could not be had.
	Count int      `json:"count"`
	Shown []string `json:"shown"`
}

// Bounds of what is shown: entries travel through states, notices and records.
const (
	mostShown    = 20
	longestShown = 160 // characters of one entry
)

func listed(entries []string) Listed {
	slices.Sort(entries)
	shown := []string{}
	for _, e := range entries[:min(len(entries), mostShown)] {
		e = strings.ToValidUTF8(e, "?")
		if runes := []rune(e); len(runes) > longestShown {
			e = string(runes[:longestShown-1]) + "…"
		}
		shown = append(shown, e)
	}
	return Listed{len(entries), shown}
}

// survey reads the whole server's users, domains, aliases and relays.
func survey(ctx context.Context, api *Client) (Found, error) {
	users, err := api.Users(ctx)
	if err != nil {
		return Found{}, err
	}
	domains, err := api.Domains(ctx)
	if err != nil {
		return Found{}, err
	}
	aliases, err := api.Aliases(ctx)
	if err != nil {
		return Found{}, err
	}
	relays, err := api.Relays(ctx)
	if err != nil {
		return Found{}, err
	}
	return found(users, domains, aliases, relays), nil
}

// found tells what is worth a look among them.
func found(users []User, domains []Domain, aliases []Alias, relays []Relay) Found {
	var admins, forwards, replies, managers, others, relayed []string
	for _, u := range users {
		if u.GlobalAdmin {
			admins = append(admins, u.Email)
		}
		if u.ForwardEnabled {
			forwards = append(forwards, u.Email+" to "+strings.Join(u.ForwardDestination, ", "))
		}
		if u.ReplyEnabled {
			replies = append(replies, fmt.Sprintf("%s from %s to %s", u.Email, u.ReplyStart, u.ReplyEnd))
		}
	}
	for _, d := range domains {
		for _, m := range d.Managers {
			managers = append(managers, m+" of "+d.Name)
		}
	}
	for _, a := range aliases {
		entry := a.Email + " to " + strings.Join(a.Destination, ", ")
		if a.Wildcard {
			entry += " (wildcard)"
		}
		others = append(others, entry)
	}
	for _, r := range relays {
		relayed = append(relayed, strings.TrimSpace(r.Name+" by "+r.SMTP))
	}
	return Found{
		Administrators: listed(admins), Managers: listed(managers), Aliases: listed(others), Relays: listed(relayed),
		Forwards: listed(forwards), AutoReplies: listed(replies), NotVisible: slices.Clone(invisible),
	}
}
