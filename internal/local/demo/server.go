package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/mailclient"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/local/sender"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
)

// bootDelay is how long a server takes to boot here; a real one takes a minute or two.
const bootDelay = 5 * time.Second

// meanwhile is the subject of a message for the tenant whose server is dead.
const meanwhile = "Sent while the server was dead"

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
	waiting := s.Mail.Sender.Queue(sender.Message{From: "they@sender.example", To: tenant.Address(), Subject: meanwhile, Text: "It waited with its sender."})
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
	client := s.Mail.Client(tenant)
	if err := client.All(ctx); err != nil {
		return fmt.Errorf("a browser and a mail program with the old password, through DNS: %w", err)
	}
	s.say.Linef("  a browser and a mail program, which know the host's name and the old password: webmail, IMAPS, submission, a message sent and found")
	if err := s.arrives(ctx, waiting, client); err != nil {
		return fmt.Errorf("mail that was sent to the dead server: %w", err)
	}
	s.say.Linef("  mail that another server sent while this one was dead is in the mailbox")
	s.report.add("vps-recovery", "hand, start-execution", result.Stopped.Sub(result.Started), serverTime,
		"from the start to mail on the new server, DNS included; same name, credentials and DKIM keys")
	return s.readMail(ctx)
}

// arrives waits for a message that was queued while the server was dead: its sender tries again on its own.
func (s *show) arrives(ctx context.Context, waiting *sender.Delivery, client mailclient.Client) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := waiting.Delivered(ctx); err != nil {
		return err
	}
	_, err := client.Find(ctx, meanwhile)
	return err
}
