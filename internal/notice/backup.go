package notice

import (
	"fmt"
	"regexp"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// backupCompleted tells of a verified backup. Its manifest's digest is the witness outside the account: whoever rewrites
// the bucket and its keys cannot rewrite the mail in an operator's inbox.
func (d *Desk) backupCompleted(_ Request, f facts) letter {
	slot := f.text("slot")
	l := letter{
		subject:  "Vault backup " + slot + " verified",
		happened: "Vault was backed up; the backup was read back, decrypted, checked and signed.",
		facts: []fact{
			{"Slot", fmt.Sprintf("%s (%s)", slot, f.text("tier"))},
			{"Captured", f.text("captured_at")},
			{"Verified", f.text("verified_at")},
			{"Snapshot", f.bytes("snapshot_bytes")},
			{"Secrets", f.text("secrets")},
			{"Old backups pruned", f.text("pruned")},
			{"Manifest SHA-256", f.text("manifest_sha256")},
		},
		next: "keep this notice. To restore Vault from this backup: " + d.restoreCommand(slot),
	}
	if slots := f.tampered(); slots != none {
		l.facts = append(l.facts, fact{"Tampered with", slots})
	}
	return l
}

// backupFailed tells that the newest backup may be older than it should be. It does not say that there is none: the run
// may have failed behind the signature, when pruning.
func (d *Desk) backupFailed(r Request, f facts) letter {
	trouble := troubleOf(r)
	l := letter{
		subject: "Vault backup FAILED: " + trouble.name,
		happened: "The backup of Vault did not finish. What was verified before can be restored as it was; what has been written to " +
			"Vault since may be in no backup.",
		facts: []fact{
			{"Slot", f.text("slot")},
			{"Fault", trouble.name},
			{"Meaning", trouble.meaning},
		},
		next: trouble.next,
	}
	if trouble.name == string(fault.BucketTampered) {
		l.subject = "The bucket of Vault's backups was TAMPERED with"
		l.happened = "Vault was backed up, and the backup was verified. But somebody else has been at the bucket: nothing of that is ever restored, and it is an alarm for three days."
		l.facts[0] = fact{"Tampered with", f.tampered()}
	}
	return l
}

// dated is the folder of slots that vault-restore also knows by their date alone.
var dated = regexp.MustCompile(`^(?:backups|monthly)/`)

// restoreCommand starts vault-restore for the slot.
func (d *Desk) restoreCommand(slot string) string {
	return fmt.Sprintf(`aws stepfunctions start-execution --state-machine-arn %s --input '{"backup_date":"%s"}'`,
		d.RestoreMachine, dated.ReplaceAllString(slot, ""))
}

// tampered names the slots whose manifest somebody else has touched.
func (f facts) tampered() string {
	if slots := f.long("tampered", longestDetails); slots != unknown {
		return slots
	}
	return none
}
