package notice

import "fmt"

// credentialsRotated tells that a tenant has a new mail password, and whether the server knows it.
func (d *Desk) credentialsRotated(_ Request, f facts) letter {
	tenant := f.text("tenant_id")
	l := letter{
		subject:  "Mail password of " + tenant + " ROTATED",
		happened: "The tenant's mail password was replaced: on the server, in Vault and in the registry. The former one is refused and destroyed; snapshots of Vault still hold it.",
		facts: []fact{
			{"Tenant", tenant},
			{"Host", f.text("hostname")},
			{"Reason", f.text("reason")},
			{"Credential", f.text("credential_id")},
			{"Former credential", f.text("former_credential_id")},
			{"Version in Vault", f.text("version")},
			{"On the server", "yes"},
		},
		next: "nothing; the tenant's programs read the new password in Vault",
	}
	if f.yes("repaired") {
		l.facts = append(l.facts, fact{"Set once more", "yes: another change had come in between"})
	}
	if refused := f.refused(); refused != nil {
		l.facts = append(l.facts, refused...)
		l.next = "make Mailu's API answer again (README); the tenant's programs read the new password in Vault"
	}
	if !f.yes("installed") {
		l.happened = "The tenant's mail password was replaced in Vault and in the registry. The server was not given it: " + absent(f.text("absence"))
		l.facts[6].value = "no"
		l.next = "when the server of " + tenant + " answers again without having been replaced, " + again(tenant)
		if f.text("absence") == "off" {
			l.next = "nothing: when the server of " + tenant + " answers again, it is given a new password within about an hour. To have that at once, " + again(tenant)
		}
	}
	return l
}

// absent says why a server could not be given a password.
func absent(why string) string {
	switch why {
	case "off":
		return "it is switched off."
	case "gone":
		return "it does not exist any more."
	case "recovering":
		return "a recovery works on it, and installs what Vault holds."
	}
	return "a newer rotation is under way."
}

// rotationFailed tells where a rotation stopped. Nothing is ever put back: the former password may be the leaked one.
func (d *Desk) rotationFailed(r Request, f facts) letter {
	trouble := troubleOf(r)
	l := letter{
		subject:  "Password rotation FAILED for " + f.text("tenant_id") + ": " + trouble.name,
		happened: "The replacement of the tenant's mail password did not finish; this run changed nothing.",
		facts: []fact{
			{"Tenant", f.text("tenant_id")},
			{"Host", f.text("hostname")},
			{"Reason", f.text("reason")},
			{"Ending", f.text("ending")},
			{"Fault", trouble.name},
			{"Meaning", trouble.meaning},
		},
		next: trouble.next,
	}
	if f.text("ending") == "dirty" {
		l.happened = "The replacement of the tenant's mail password did not finish. The server may have the new password, which Vault holds as pending; " +
			"the next run goes on from there."
		l.next = "see to the fault, then " + again(f.text("tenant_id"))
	}
	return l
}

// again starts a rotation.
func again(tenant string) string {
	return fmt.Sprintf(`start credential-rotation with {"tenant_id":"%s","reason":"…"}`, oneLine(tenant))
}
