package notice

import "fmt"

// compromiseJoined tells the security team of an incident that made no rotation of its own: whether it is another leak is for
// people to judge.
func (d *Desk) compromiseJoined(r Request, f facts) letter {
	tenant := f.text("tenant_id")
	l := letter{
		subject: "Leaked mail password of " + tenant + ": another report, NO further rotation",
		happened: "A detector reported the incident within ten minutes of a rotation of the tenant's password for another incident. Detectors see one leak many times, " +
			"so that rotation answers this report too.",
		facts: append(identity(r, f), fact{"Host", f.text("hostname")}, fact{"Joined rotation", f.text("joined_execution")}),
		next: fmt.Sprintf(`judge whether it is the same leak; if the new password has leaked, start credential-compromise with {"tenant_id":"%s","incident_id":"…"} under an incident_id of its own`,
			oneLine(tenant)),
	}
	l.facts[4].value = "joined"
	return l
}
