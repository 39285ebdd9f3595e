package notice

import (
	"fmt"
	"time"
)

// recoveryObjective is how long the replacement of a server may take (RTO).
const recoveryObjective = time.Hour

// serverReplaced tells that a tenant's mail runs on a new server, and what became of the old one's disk: no machine
// deletes it.
func (d *Desk) serverReplaced(_ Request, f facts) letter {
	old := f.text("old_server_id")
	mailboxes := "are still on the old server's disk"
	next := fmt.Sprintf("copy the mailboxes from the disk of server %s to the new server, then retire it in the provider's console", old)
	if moved(f) {
		mailboxes = "moved along with volume " + f.text("volume_id")
		next = fmt.Sprintf("see that a known message is there, then retire server %s in the provider's console", old)
	}
	happened := "The tenant's mail runs on a new server, with the same name, credentials and DKIM keys, and DNS points to it. " +
		"The mailboxes " + mailboxes + "."
	if shut(f) {
		happened += " The provider lets no connection to port 25 out: what the tenant sends to others waits in the server's queue."
		next = fmt.Sprintf("ask the provider's support to open outbound port 25 for the server at %s; then %s", f.text("new_vps_ip"), next)
	}
	return letter{
		subject:  "Mail server of " + f.text("tenant_id") + " REPLACED",
		happened: happened,
		facts: []fact{
			{"Tenant", f.text("tenant_id")},
			{"Host", f.text("hostname")},
			{"Old address", f.text("old_vps_ip")},
			{"New address", f.text("new_vps_ip")},
			{"Outbound port 25", f.text("outbound_25")},
			{"Recovery took", f.seconds("recovery_seconds", recoveryObjective)},
			{"Old server", old + ", powered off, its disk is kept"},
		},
		next: next,
	}
}

// moved says whether the mailboxes lie on a volume, which moves from server to server.
func moved(f facts) bool { return f.text("volume_id") != unknown }

// shut says whether the new server cannot send to other mail servers.
func shut(f facts) bool { return f.text("outbound_25") == "closed" }

// recoveryNotNeeded tells that the server answered, at once or after a reboot, so that it was not replaced.
func (d *Desk) recoveryNotNeeded(_ Request, f facts) letter {
	l := letter{
		subject:  "Mail server of " + f.text("tenant_id") + " is well: no recovery needed",
		happened: "A recovery was started, and the server answers on every port. Nothing was changed.",
		facts: []fact{
			{"Tenant", f.text("tenant_id")},
			{"Host", f.text("hostname")},
			{"Address", f.text("old_vps_ip")},
		},
		next: `nothing. To replace it all the same, start vps-recovery with "force":true`,
	}
	if f.yes("rebooted") {
		l.subject = "Mail server of " + f.text("tenant_id") + " is well after a REBOOT"
		l.happened = "The server did not answer. It was rebooted, and answers on every port again; nothing else was changed."
		l.next = "look in its log for what stopped it (journalctl --boot=-1), before it happens again"
	}
	return l
}

// recoveryFailed tells where the replacement stopped. What was changed until then was put back, unless the ending is
// dirty: then the letter says what is where.
func (d *Desk) recoveryFailed(r Request, f facts) letter {
	trouble := troubleOf(r)
	l := letter{
		subject:  "Mail server recovery FAILED for " + f.text("tenant_id") + ": " + trouble.name,
		happened: "The replacement of the tenant's mail server did not finish; the tenant may have no mail service.",
		facts: []fact{
			{"Tenant", f.text("tenant_id")},
			{"Host", f.text("hostname")},
			{"Ending", f.text("ending")},
			{"Fault", trouble.name},
			{"Meaning", trouble.meaning},
		},
		next: trouble.next,
	}
	if kept := f.list("kept"); kept != none {
		l.facts = append(l.facts, fact{"Kept, may hold mail", "server " + kept + ", switched off and protected: DNS pointed there for a while"})
	}
	if f.text("ending") == "dirty" {
		l.happened += " Not everything was put back."
		l.facts = append(l.facts,
			fact{"Old server", server(f, "old_server_id", "old_vps_ip")},
			fact{"New server", server(f, "new_server_id", "new_vps_ip")},
			fact{"Records", records(f)})
		l.next = d.cleanUp(f.text("tenant_id"), "after a dirty end")
	}
	return l
}

// cleanUp is the command that finishes or puts back what recoveries of a tenant left behind.
func (d *Desk) cleanUp(tenantID, reason string) string {
	return "aws stepfunctions start-execution --state-machine-arn " + d.RecoveryMachine + " --input " +
		fmt.Sprintf(`'{"tenant_id":%q,"mode":"clean-up","reason":%q}'`, tenantID, reason)
}

// server names one server by the provider's id and its address.
func server(f facts, id, address string) string {
	if f.text(id) == unknown {
		return none
	}
	return f.text(id) + ", " + f.text(address)
}

// records says where the tenant's records point, as far as the recovery knows.
func records(f facts) string {
	switch {
	case f.yes("dns_put_back"):
		return "put back to the old server"
	case f.yes("dns_moved"):
		return "moved to the new server"
	}
	return "not known to have moved"
}

// cleanedUp tells what was put back of recoveries that ended without doing so themselves.
func (d *Desk) cleanedUp(_ Request, f facts) letter {
	put := "were left alone"
	if f.yes("dns_put_back") {
		put = "were put back to the server that the registry names"
	}
	l := letter{
		subject:  "Mail server recovery of " + f.text("tenant_id") + " was CLEANED UP",
		happened: "Recoveries of this tenant ended without cleaning up. What they left was put back; no server was replaced.",
		facts: []fact{
			{"Tenant", f.text("tenant_id")},
			{"Host", f.text("hostname")},
			{"Serving address", f.text("old_vps_ip")},
			{"Left by", f.list("left_behind")},
			{"Servers deleted", f.list("destroyed")},
			{"Servers kept, off", f.list("kept")},
			{"Records", put},
		},
		next: "see whether " + f.text("hostname") + " answers; if it does not, start vps-recovery again",
	}
	if kept := f.list("kept"); kept != none {
		l.next = "copy the mail that came in meanwhile from the disk of server " + kept + ", then retire it in the provider's console"
	}
	return l
}
