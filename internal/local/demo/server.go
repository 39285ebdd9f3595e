package demo

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/mailclient"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/local/sender"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
)

// bootDelay is how long a server takes to boot here; a real one takes a minute or two.
const bootDelay = 5 * time.Second

// meanwhile is the subject of a message for the tenant whose server is dead.
const meanwhile = "Sent while the server was dead"

// recoveryGoal is what a recovery should take here, where servers boot in seconds.
const recoveryGoal = time.Minute

// server lets a tenant's mail server die, and watches it being replaced: nobody starts anything.
func (s *show) server(ctx context.Context) error {
	s.say.Linef("\nA mail server dies: the host of %s is dead, and no reboot helps", s.tenant.Hostname)
	id, err := strconv.ParseInt(s.tenant.VPS.ID, 10, 64)
	if err != nil {
		return err
	}
	died := time.Now()
	if err := s.Mail.Provider.Crash(id, false); err != nil {
		return err
	}
	s.Mail.Provider.SetFaults(server.Faults{BootDelay: bootDelay})
	waiting := s.Mail.Sender.Queue(sender.Message{From: "they@sender.example", To: s.tenant.Address(), Subject: meanwhile, Text: "It waited with its sender."})
	var result runbook.Result
	err = s.say.Step("wait for the probe, which runs every minute, for its alarm, and for vps-recovery", func() (err error) {
		wctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
		defer cancel()
		result, err = s.desk.WaitForInput(wctx, s.Outputs["VpsRecoveryArn"], `"requested_by":"cloudwatch.amazonaws.com"`)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.succeeded(ctx, result); err != nil {
		return err
	}
	s.say.Linef("  started by itself after %.1f s, with %s", result.Started.Sub(died).Seconds(), result.Input)
	client := s.Mail.Client(s.tenant)
	if err := client.All(ctx); err != nil {
		return fmt.Errorf("a browser and a mail program with the old password, through DNS: %w", err)
	}
	s.say.Linef("  a browser and a mail program, which know the host's name and the old password: webmail, IMAPS, submission, a message sent and found")
	if err := s.arrives(ctx, waiting, client); err != nil {
		return fmt.Errorf("mail that was sent to the dead server: %w", err)
	}
	s.say.Linef("  mail that another server sent while this one was dead is in the mailbox")
	s.report.add("vps-recovery", "alarm", result.Stopped.Sub(died), serverTime, fmt.Sprintf(
		"recovery time: %.1f s from the server's death to the alarm, %.1f s (goal: %.0f s) to mail on a new one; same name, credentials, DKIM keys",
		result.Started.Sub(died).Seconds(), result.Seconds(), recoveryGoal.Seconds()))
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
