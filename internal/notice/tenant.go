package notice

import (
	"context"
	"fmt"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// tenantLetters are what a tenant is told, in the tenant's words; other events are none of theirs.
var tenantLetters = map[audit.Event]func(facts) (subject, message string){
	audit.SMTPCredentialsRecovered: func(f facts) (string, string) {
		stored := "Messages that were stored on the old server will be copied to the new one; until then they are missing from your mailboxes. "
		if moved(f) {
			stored = "Your stored messages moved along. "
		}
		if shut(f) {
			stored += "Mail that you send to others waits on the new server until its provider lets it out, which we ask for. "
		}
		return "Mail service restored on a new server", "Your mail server " + f.text("hostname") + " failed and was replaced. Its name, your logins and " +
			"your passwords are unchanged. Mail sent to you in the meantime is delivered now by its senders. " + stored +
			"No action required on your part.\n"
	},
	audit.CredentialCompromiseResponse: func(f facts) (string, string) {
		return tenantRotated, "Your SMTP credentials have been rotated due to a security incident. Incident ID: " + f.text("incident_id") +
			". No action required on your part."
	},
}

// Inform tells a tenant. Faults: InvalidInput for an event that tenants are not told, AWSUnavailable, AWSRefused.
func (d *Desk) Inform(ctx context.Context, r Request) (Receipt, error) {
	if err := r.Validate(); err != nil {
		return Receipt{}, fault.InvalidInput.Errorf("notice: %w", err)
	}
	write := tenantLetters[r.Event]
	if write == nil || r.TenantID == "" {
		return Receipt{}, fault.InvalidInput.Tellf("%s is no event that a tenant is told", r.Event)
	}
	known, err := factsOf(r.Details)
	if err != nil {
		return Receipt{}, fault.InvalidInput.Errorf("details: %w", err)
	}
	text, message := write(known)
	n := Notice{
		Topic: d.Topic, Type: string(r.Event), Severity: r.Severity, TenantID: r.TenantID,
		Subject: subject(text), Message: message,
	}
	id, err := publish(ctx, d.SNS, n)
	if err != nil {
		return Receipt{}, fmt.Errorf("tenant %s: %w", r.TenantID, err)
	}
	return Receipt{MessageID: id, Subject: n.Subject}, nil
}
