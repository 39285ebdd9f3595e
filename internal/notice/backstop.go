package notice

import "fmt"

// executionFailed tells of an execution that ended without a word of its own: it ran out of time, somebody stopped it, or
// its state machine stumbled where no step could catch it. The request's execution is the failed one.
func (d *Desk) executionFailed(r Request, f facts) letter {
	machine := f.text("machine")
	l := letter{
		subject:  fmt.Sprintf("%s ended %s and told nobody", machine, f.text("status")),
		happened: "An execution ended without its own last steps: nothing was cleaned up, recorded or told by it.",
		facts: []fact{
			{"Runbook", machine},
			{"Status", f.text("status")},
			{"Error", f.text("error")},
		},
		next: "aws stepfunctions get-execution-history --reverse-order --max-results 20 --execution-arn " + oneLine(r.Execution.ARN),
	}
	switch machine {
	case "vault-backup":
		l.next = `older backups stand: start vault-backup with {"tier":"on-demand"}`
	case "vault-restore":
		l.next = "look at the execution's history: if SeedVault had begun, wipe that node's data directory and start it empty, and wipe no other node; if RestoreSnapshot had begun, Vault holds what it held or what the backup holds; then start vault-restore again"
	case "credential-rotation":
		l.next = again(r.TenantID)
	case "credential-compromise":
		l.happened += " A leaked password may still open a mailbox."
		l.next = "start credential-compromise again with the same input: it takes the incident over"
	}
	if r.TenantID != "" {
		l.facts = append([]fact{{"Tenant", r.TenantID}}, l.facts...)
	}
	switch {
	case f.yes("left_behind") && !f.yes("clean_up"):
		l.happened += " It still holds its tenant: something is half done, and no clean-up was started."
		l.next = d.cleanUp(r.TenantID, "an execution ended without cleaning up")
	case f.yes("clean_up"):
		l.happened += " What it left behind is being cleaned up now by vps-recovery in the mode clean-up."
		l.next = "wait for the notice of the clean-up; it says whether the tenant's server answers"
	}
	return l
}
