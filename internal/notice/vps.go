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
	return letter{
		subject: "Mail server of " + f.text("tenant_id") + " REPLACED",
		happened: "The tenant's mail runs on a new server, with the same name, credentials and DKIM keys, and DNS points to it. " +
			"The mailboxes " + mailboxes + ".",
		facts: []fact{
			{"Tenant", f.text("tenant_id")},
			{"Host", f.text("hostname")},
			{"Old address", f.text("old_vps_ip")},
			{"New address", f.text("new_vps_ip")},
			{"Recovery took", f.seconds("recovery_seconds", recoveryObjective)},
			{"Old server", old + ", powered off, its disk is kept"},
		},
		next: next,
	}
}

// moved says whether the mailboxes lie on a volume, which moves from server to server.
func moved(f facts) bool { return f.text("volume_id") != unknown }

// recoveryNotNeeded tells that the server answered, so that nothing was changed.
func (d *Desk) recoveryNotNeeded(_ Request, f facts) letter {
	return letter{
		subject:  "Mail server of " + f.text("tenant_id") + " is well: no recovery needed",
		happened: "A recovery was started, and the server answers on every port. Nothing was changed.",
		facts: []fact{
			{"Tenant", f.text("tenant_id")},
			{"Host", f.text("hostname")},
			{"Address", f.text("old_vps_ip")},
		},
		next: `nothing. To replace it all the same, start vps-recovery with "force":true`,
	}
}

// recoveryFailed tells where the replacement stopped. What was changed until then was put back, unless the ending is
// dirty: then only a person can tell what is where, and the letter says where to look.
func (d *Desk) recoveryFailed(r Request, f facts) letter {
	trouble := troubleOf(r)
	happened := "The replacement of the tenant's mail server did not finish; the tenant may have no mail service."
	if f.text("ending") == "dirty" {
		happened += " Not everything was put back, or the end was not recorded: besides the old server, which is powered off, there may be a " +
			"new one, and DNS may point to either."
		trouble.next = "look where " + f.text("hostname") + " points to, and at the servers with the label tenant=" + f.text("tenant_id") +
			" in the provider's console; where the registry names another than the one that serves, register that one; then start vps-recovery again"
	}
	return letter{
		subject:  "Mail server recovery FAILED for " + f.text("tenant_id") + ": " + trouble.name,
		happened: happened,
		facts: []fact{
			{"Tenant", f.text("tenant_id")},
			{"Host", f.text("hostname")},
			{"Old address", f.text("old_vps_ip")},
			{"Ending", f.text("ending")},
			{"Fault", trouble.name},
			{"Meaning", trouble.meaning},
		},
		next: trouble.next,
	}
}
