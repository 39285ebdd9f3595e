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

// recoveryFailed tells where the replacement stopped. What was changed until then was put back, unless the ending says
// FailedDirty.
func (d *Desk) recoveryFailed(r Request, f facts) letter {
	trouble := troubleOf(r)
	return letter{
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
}
