package notice

// credentialsReconciled tells what a Vault that was restored, or opened, does not know. Each rotation has a notice of its own.
func (d *Desk) credentialsReconciled(_ Request, f facts) letter {
	l := letter{
		subject:  "Vault is back: " + f.text("rotations") + " credentials are being rotated",
		happened: "Vault was restored, or opened after it was sealed. Where it does not hold the credential that the registry names, or not the password that the mail server holds, the credential is being rotated once more, so that they agree again. Who is not seen to agree is looked at again every hour.",
		facts: []fact{
			{"Tenants", f.text("tenants")},
			{"Rotations started", f.text("rotations")},
			{"Rotations waiting", f.text("waiting")},
			{"Without a credential", f.listed("missing")},
			{"Servers not seen", f.listed("unseen")},
		},
		next: "wait for the notice of each rotation",
	}
	switch {
	case f.listed("missing") != none:
		l.next = "write smtp/{tenant_id}/admin of the tenants without a credential into Vault anew; then start credential-rotation for each"
	case f.text("waiting") != "0":
		l.next = "wait for the notice of each rotation; who waits is looked at again within the hour. Where that repeats itself, look for rotations that do not end: aws stepfunctions list-executions --state-machine-arn CREDENTIAL_ROTATION_ARN --status-filter RUNNING"
	case f.text("rotations") == "0":
		l.subject = "Vault is back: it and the registry agree"
		l.next = "nothing"
		if f.listed("unseen") != none {
			l.next = "see to the servers that do not answer; each is looked at again every hour, and given a new password if it holds another one than Vault"
		}
	}
	return l
}

// reconciliationFailed tells that nobody knows whether Vault and the mail servers agree.
func (d *Desk) reconciliationFailed(r Request, f facts) letter {
	trouble := troubleOf(r)
	return letter{
		subject:  "Vault is back: reconciliation FAILED: " + trouble.name,
		happened: "Vault was restored, or opened after it was sealed, and was not held against the registry to the end: some mail servers may have newer passwords than Vault. What was started goes on.",
		facts: []fact{
			{"Tenants", f.text("tenants")},
			{"Rotations started", f.text("rotations")},
			{"Fault", trouble.name},
			{"Meaning", trouble.meaning},
		},
		next: trouble.next,
	}
}
