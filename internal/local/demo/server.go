package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
)

// bootDelay is how long a server takes to boot here; a real one takes a minute or two.
const bootDelay = 5 * time.Second

// server lets a tenant's mail server die, and has it replaced.
func (s *show) server(ctx context.Context) error {
	s.say.Linef("\nA mail server dies")
	var tenant platform.MailTenant
	err := s.say.Step("onboard the tenant acme: secrets, zone, a server with Mailu, the registry", func() (err error) {
		tenant, err = s.OnboardMail(ctx, "acme")
		return err
	})
	if err != nil {
		return err
	}
	for _, one := range s.Mail.Provider.Servers() {
		if err := s.Mail.Provider.Crash(one.ID, false); err != nil {
			return err
		}
	}
	s.Mail.Provider.SetFaults(server.Faults{BootDelay: bootDelay})
	const input = `{"tenant_id":"acme","reason":"vps_failure","requested_by":"demo"}`
	s.say.Linef("  its host is dead\n  aws stepfunctions start-execution --state-machine-arn %s --input '%s'", s.Outputs["VpsRecoveryArn"], input)
	var result runbook.Result
	err = s.say.Step("vps-recovery", func() (err error) {
		result, err = s.desk.Run(ctx, s.Outputs["VpsRecoveryArn"], input)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.succeeded(ctx, result); err != nil {
		return err
	}
	if err := s.MailLogin(ctx, tenant); err != nil {
		return fmt.Errorf("a mail program with the old password, through DNS: %w", err)
	}
	s.say.Linef("  a mail program logs in through DNS, with the password it always had")
	s.report.add("vps-recovery", "hand, start-execution", result.Stopped.Sub(result.Started), serverTime,
		"from the start to mail on the new server, DNS included; same name, credentials and DKIM keys")
	return s.readMail(ctx)
}
