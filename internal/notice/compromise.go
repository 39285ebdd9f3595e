package notice

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// The objective of a response, and the words of the original procedure.
const (
	safeObjective  = 5 * time.Minute
	emergency      = "emergency_rotation"
	longestDetails = 1100 // characters
	tenantRotated  = "SMTP Credentials Rotated - Security Incident"
)

// compromiseAnswered tells the security team that a leaked password is worthless, and what its owner can have left behind.
func (d *Desk) compromiseAnswered(r Request, f facts) letter {
	tenant := f.text("tenant_id")
	l := letter{
		subject: "Leaked mail password of " + tenant + " is REPLACED",
		happened: "The leaked password was replaced and is refused. Application passwords of the administrator are deleted, its open sessions ended. " +
			"The account is a global administrator: what it can have set up is listed below, for people to judge. Snapshots of Vault still hold the leaked password.",
		facts: append(identity(r, f),
			fact{"Host", f.text("hostname")},
			fact{"Time to safe", f.seconds("time_to_safe_seconds", safeObjective)},
			fact{"Credential", f.text("credential_id")},
			fact{"Former credential", f.text("former_credential_id")},
			fact{"App passwords deleted", f.text("tokens_revoked")},
			fact{"Sessions ended", f.text("sessions_ended")}),
		next: "go through these lists with the tenant, and remove at https://" + f.text("hostname") + "/admin what nobody there has made",
	}
	if !f.yes("revoked") {
		l.happened = "The leaked password was replaced, but what outlives it was not revoked on the server: application passwords still open the mailbox, and open sessions go on. " +
			"Snapshots of Vault still hold the leaked password."
		l.facts = l.facts[:len(l.facts)-2]
		l.next = "see to the server, then start credential-compromise again with the same incident_id"
	}
	if !f.yes("installed") {
		l.happened = "The leaked password was replaced in Vault and in the registry. The server was not given the new one: " + absent(f.text("absence")) +
			" Nothing was revoked there: application passwords outlive the password, on a volume also the server."
		l.facts[6].value = unknown
		l.next = "when the server of " + tenant + " answers again, replaced or not, start credential-compromise under another incident_id"
	}
	l.facts = append(l.facts, f.refused()...)
	if kept := f.list("kept"); f.yes("revoked") && kept != none {
		l.happened = "The leaked password was replaced and is refused. Mailu's API refuses, and its own command could not revoke all of the administrator's access: " +
			kept + " may still let somebody in. Snapshots of Vault still hold the leaked password."
		l.facts = append(l.facts, fact{"NOT revoked", kept})
		l.next = "make Mailu's API answer again (README), then start credential-compromise under another incident_id"
	}
	if f.yes("revoked") {
		l.facts = append(l.facts, f.remains()...)
	}
	return l
}

// refused tells that Mailu's API did not take part.
func (f facts) refused() []fact {
	if f.text("through") != "command" {
		return nil
	}
	return []fact{{"Way to Mailu", "its own command, over SSH: the API refuses"}}
}

// identity are the fields of the original notice, under their own names.
func identity(r Request, f facts) []fact {
	details := f.long("details", longestDetails)
	if details == unknown {
		details = none
	}
	return []fact{
		{"type", string(r.Event)},
		{"tenant_id", f.text("tenant_id")},
		{"incident_id", f.text("incident_id")},
		{"details", details},
		{"action_taken", emergency},
	}
}

// remains are the lists of what was found on the server: a count, then one entry a line.
func (f facts) remains() []fact {
	var found map[string]struct {
		Count int      `json:"count"`
		Shown []string `json:"shown"`
	}
	var all []fact
	var hidden struct {
		NotVisible []string `json:"not_visible"`
	}
	lists := f["found"].Clone()
	if json.Unmarshal(lists, &hidden) != nil {
		return []fact{{"Found", unknown}}
	}
	_ = json.Unmarshal(lists, &found) // not_visible is no such list; the others are there by then
	for _, list := range []struct{ name, title string }{
		{"administrators", "Global administrators"}, {"managers", "Domain managers"}, {"aliases", "Aliases"},
		{"relays", "Relayed domains"}, {"forwards", "Forwards"}, {"auto_replies", "Automatic replies"},
	} {
		one := found[list.name]
		count := strconv.Itoa(one.Count)
		if _, listed := found[list.name]; !listed || one.Count < 0 {
			count = unknown
		}
		if more := one.Count - len(one.Shown); more > 0 {
			count += fmt.Sprintf(", of which %d are not shown", more)
		}
		all = append(all, fact{list.title, count})
		for _, entry := range one.Shown {
			all = append(all, fact{"", oneLine(entry)})
		}
	}
	return append(all, fact{"Look yourself for", oneLine(strings.Join(hidden.NotVisible, ", "))})
}

// compromiseFailed tells that a response stopped, and whether the leaked password still opens the mailbox.
func (d *Desk) compromiseFailed(r Request, f facts) letter {
	trouble := troubleOf(r)
	tenant := f.text("tenant_id")
	l := letter{
		subject:  "Leaked mail password of " + tenant + ": response FAILED, " + trouble.name,
		happened: "The response to the incident stopped before it had changed anything. Unless somebody else has replaced it, THE LEAKED PASSWORD STILL OPENS THE MAILBOX.",
		facts: append(identity(r, f),
			fact{"Host", f.text("hostname")},
			fact{"Ending", f.text("ending")},
			fact{"Fault", trouble.name},
			fact{"Meaning", trouble.meaning}),
		next: trouble.next,
	}
	l.facts[4].value = none
	if f.text("ending") == "dirty" {
		l.happened = "The leaked password may still open the mailbox. The server may have the new one, which Vault holds as pending; the next run goes on from there."
		l.next = "see to the fault, then start credential-compromise again with the same incident_id"
	}
	if f.text("credential_id") != unknown {
		l.facts[4].value = emergency
		l.happened = "The leaked password was replaced. What comes after that is not all done: access may not be revoked, the record may be missing, or somebody was not told."
	}
	return l
}
