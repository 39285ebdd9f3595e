package notice

import (
	"context"
	"fmt"

	"github.com/penguinmails/disaster-recovery/internal/audit"
)

// recoveryNotStarted is the type of the one notice that no execution sends.
const recoveryNotStarted = "vps_recovery_not_started"

// NotStarted is a recovery that an alarm asked for and that did not start by itself.
type NotStarted struct {
	TenantID string
	Alarm    string // its name
	Since    string // when it rang, in the alarm's own words
	Why      string // a sentence of our own
}

// Watch writes to the operators on behalf of the watch.
type Watch struct {
	SNS   Publisher
	Topic string // ARN
	// RecoveryMachine is the ARN of the state machine vps-recovery, for the command that the notice ends with.
	RecoveryMachine string
}

// RecoveryNotStarted tells that a server is down and that it is for people to recover it. An alarm that is delivered twice
// is told of twice, in the same words. Faults: AWSUnavailable, AWSRefused.
func (w Watch) RecoveryNotStarted(ctx context.Context, n NotStarted) error {
	tenant, alarm := oneLine(n.TenantID), oneLine(n.Alarm)
	l := letter{
		happened: "The tenant's mail server does not answer, and no recovery was started. " + n.Why,
		facts:    []fact{{"Tenant", tenant}, {"Alarm", alarm}, {"Since", oneLine(n.Since)}},
		next: fmt.Sprintf(`aws stepfunctions start-execution --state-machine-arn %s --input '{"tenant_id":"%s","reason":"alarm %s","requested_by":"you"}'`,
			w.RecoveryMachine, tenant, alarm),
	}
	_, err := publish(ctx, w.SNS, Notice{
		Topic: w.Topic, Type: recoveryNotStarted, Severity: audit.Critical, TenantID: tenant,
		Subject: fmt.Sprintf("[%s] Mail server of %s is DOWN: recovery NOT started", audit.Critical, tenant),
		Message: l.text(),
	})
	return err
}
