package notice

import "fmt"

// approved tells both teams that a live Vault may be restored over, and how to do it.
func (d *Desk) approved(_ Request, f facts) letter {
	l := d.proposal(f)
	l.subject = "A restore over the live Vault was APPROVED: " + f.text("backup_date")
	l.happened = "Two persons have agreed that a backup is restored over a Vault that is alive, once. What was written to Vault since that backup will be undone; what Vault holds is saved before."
	l.facts = append(l.facts, fact{"Holds until", f.text("expires")})
	l.next = "whoever asked for it starts it: " + d.restoreCommandOf(f.text("backup_date"), f.text("requested_by"))
	return l
}

// denied tells both teams of a proposal that was refused.
func (d *Desk) denied(_ Request, f facts) letter {
	l := d.proposal(f)
	l.subject = "A restore over the live Vault was NOT approved: " + f.text("fault")
	l.happened = "Somebody tried to approve that a backup is restored over a Vault that is alive, and was refused. Nothing was changed."
	l.facts = append(l.facts, fact{"Fault", f.text("fault")})
	l.next = "if you do not know why, call security: somebody has the policy DrApprover"
	return l
}

func (d *Desk) proposal(f facts) letter {
	return letter{facts: []fact{
		{"Backup", f.text("backup_date")},
		{"Asked for by", f.text("requested_by")},
		{"Approver", f.text("approved_by")},
		{"Because", f.text("reason")},
	}}
}

// restoreCommandOf starts vault-restore for the slot, in the name of who asks.
func (d *Desk) restoreCommandOf(slot, requestedBy string) string {
	return fmt.Sprintf(`aws stepfunctions start-execution --state-machine-arn %s --input '{"backup_date":"%s","requested_by":"%s"}'`,
		d.RestoreMachine, dated.ReplaceAllString(slot, ""), requestedBy)
}
