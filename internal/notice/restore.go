package notice

import (
	"fmt"
	"time"
)

// The objectives of a restore (RTO, RPO): how long it may take, and how old its data may be.
const (
	restorationObjective   = 30 * time.Minute
	recoveryPointObjective = 24 * time.Hour
)

// restored tells what came back, how long it took, and what is gone.
func (d *Desk) restored(_ Request, f facts) letter {
	captured := f.text("captured_at")
	l := letter{
		subject: "Vault RESTORED from " + f.text("slot"),
		happened: "Vault was restored from a backup and every secret of the backup's inventory was found in it. " +
			"What was written to Vault after " + captured + " is gone.",
		facts: []fact{
			{"Backup", fmt.Sprintf("%s (%s)", f.text("backup_date"), f.text("slot"))},
			{"Data of", captured},
			{"Age of the data", f.seconds("recovery_point_seconds", recoveryPointObjective)},
			{"Restoration took", f.seconds("restoration_seconds", restorationObjective)},
			{"Secrets verified", f.text("secrets_verified")},
			{"Written in capture", f.text("written_during_capture")},
			{"Unexpected extras", f.text("unexpected_extras")},
			{"Vault cluster", f.text("cluster_id")},
		},
		next: "vault operator raft list-peers; then join every other node to this one, emptied first",
	}
	if back := f.text("way_back"); back != unknown {
		l.happened += " It went over a Vault that was alive; what that held is kept."
		l.facts = append(l.facts, fact{"Approved by", f.text("approved_by")}, fact{"What it held before", back})
		l.next = "wait for the notice of reconcile-after-restore. The way back needs a new approval: " + d.restoreCommandOf(back, f.text("requested_by"))
	}
	if tampered := f.tampered(); tampered != none {
		l.happened += " THE BUCKET WAS TAMPERED WITH: somebody else has written or hidden manifests there. This backup's own signature holds; " +
			"a newer one may have been passed over."
		l.facts = append(l.facts, fact{"Tampered with", tampered})
		l.next = "call security, with the slots named here; then " + l.next
	}
	return l
}

// unsealed tells that Vault is open with all it had.
func (d *Desk) unsealed(_ Request, f facts) letter {
	return letter{
		subject: "Vault was SEALED and is open again; nothing was restored",
		happened: "A restore of Vault was asked for. Vault was only sealed: it was opened with the stored key shares, and nothing that " +
			"was written to it is lost. Should an earlier restore have ended FailedDirty on one of these nodes, do not use it: wipe it and restore again.",
		facts: []fact{
			{"Opened", f.list("nodes")},
			{"Asked for because", f.text("reason")},
			{"Not restored", f.text("not_restored")},
		},
		next: "find out why it was sealed: journalctl -u vault",
	}
}

// restoreFailed tells where the restore stopped; what it did to the node is in the fault's own words.
func (d *Desk) restoreFailed(r Request, f facts) letter {
	trouble := troubleOf(r)
	l := letter{
		subject:  "Vault restore FAILED: " + trouble.name,
		happened: "The restore of Vault did not finish. The backups are untouched.",
		facts: []fact{
			{"Backup", fmt.Sprintf("%s (%s)", f.text("backup_date"), f.text("slot"))},
			{"Fault", trouble.name},
			{"Meaning", trouble.meaning},
		},
		next: trouble.next,
	}
	if back := f.text("way_back"); back != unknown {
		l.facts = append(l.facts, fact{"Vault as it was", "kept as the backup " + back})
	}
	if f.text("ending") == "restored" {
		l.subject = "Vault is RESTORED, and not everybody was told"
		l.happened = "Vault was restored from the backup, and every secret of its inventory was found in it: USE IT, DO NOT WIPE IT. " +
			"But the audit record or a notice could not be written, and what was rotated since the backup is not being rotated once more."
		l.next = "see to the fault; then start reconcile-after-restore with the input {}"
	}
	return l
}
