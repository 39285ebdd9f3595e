package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/inbox"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// safeGoal is how soon a leaked password should be refused here.
const safeGoal = 10 * time.Second

// compromise lets a tenant's password leak: whoever has it is in already, and other people's mail does not stop coming.
func (s *show) compromise(ctx context.Context) error {
	s.say.Linef("\nThe mail password of %s has leaked, and somebody is logged in with it", s.tenant.Hostname)
	leaked := s.Mail.Client(s.tenant)
	thief, err := leaked.Stay(ctx)
	if err != nil {
		return fmt.Errorf("log in with the password that is to leak: %w", err)
	}
	defer thief.End()
	input := fmt.Sprintf(`{"tenant_id":%q,"incident_id":"INC-2026-117","compromise_details":"%s is on a paste site","requested_by":"demo"}`,
		s.tenant.ID, s.tenant.Password.Reveal())
	s.say.Linef("  aws stepfunctions start-execution --state-machine-arn %s \\\n      --input '{\"tenant_id\":%q,\"incident_id\":\"INC-2026-117\",\"compromise_details\":\"… is on a paste site\"}'",
		s.Outputs["CredentialCompromiseArn"], s.tenant.ID)
	stream := s.Mail.Sender.Stream("they@sender.example", s.tenant.Address())
	var result runbook.Result
	err = s.say.Step("credential-compromise", func() (err error) {
		result, err = s.desk.Run(ctx, s.Outputs["CredentialCompromiseArn"], input)
		return err
	})
	mails, refused := stream.Stop()
	if err = errors.Join(err, refused); err != nil {
		return err
	}
	if err := s.succeeded(ctx, result); err != nil {
		return err
	}
	var out struct {
		Outcome struct {
			Safe float64 `json:"time_to_safe_seconds"`
		} `json:"outcome"`
		Claimed struct {
			Details string `json:"details"`
		} `json:"claimed"`
	}
	if err := json.Unmarshal([]byte(result.Output), &out); err != nil {
		return fmt.Errorf("the output of credential-compromise: %w", err)
	}
	if err := s.worthless(ctx); err != nil {
		return err
	}
	if thief.Look() == nil {
		return errors.New("whoever was logged in with the leaked password still is")
	}
	s.say.Linef("  the leaked password is refused by IMAPS, submission and webmail, the open session was cut; the new one opens all of them")
	s.say.Linef("  the details became: %s", out.Claimed.Details)
	s.report.add("credential-compromise", "hand, start-execution", result.Stopped.Sub(result.Started), responseTime, fmt.Sprintf(
		"time to safe: %.1f s (goal: %.0f s) from the start until the leaked password was refused; %d messages from outside taken at once meanwhile, none refused",
		out.Outcome.Safe, safeGoal.Seconds(), mails))
	if err := s.backedUp(ctx); err != nil {
		return err
	}
	for _, reader := range []struct {
		who string
		box inbox.Inbox
	}{{"the tenant", s.tenants}, {"the security team", s.security}} {
		if err := s.notice(ctx, reader.who, reader.box); err != nil {
			return err
		}
	}
	return s.readMail(ctx)
}

// backedUp waits for the backup that the rotation has started: with it, losing Vault costs minutes and not a day.
func (s *show) backedUp(ctx context.Context) error {
	return s.say.Step("wait for the backup on change that the rotation has started", func() error {
		wctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		result, err := s.desk.WaitForInput(wctx, s.Outputs["VaultBackupArn"], `"on-change"`)
		if err != nil {
			return err
		}
		if err := s.succeeded(ctx, result); err != nil {
			return err
		}
		var out struct {
			Verified struct {
				BackupDate string `json:"backup_date"`
			} `json:"verified"`
		}
		if err := json.Unmarshal([]byte(result.Output), &out); err != nil {
			return fmt.Errorf("the output of vault-backup: %w", err)
		}
		s.changed = out.Verified.BackupDate
		return nil
	})
}

// worthless tries the leaked password at every way in, and the one that Vault holds now; the latter is the tenant's from
// here on.
func (s *show) worthless(ctx context.Context) error {
	former := s.Mail.Client(s.tenant)
	for way, try := range map[string]func(context.Context) error{
		"IMAPS": former.IMAPS, "submission at 465": former.SMTPS, "submission at 587": former.STARTTLS, "webmail": former.Webmail,
	} {
		if try(ctx) == nil {
			return fmt.Errorf("%s takes the leaked password", way)
		}
	}
	now, err := s.Credential(ctx, s.tenant.ID)
	if err != nil {
		return err
	}
	s.tenant.Password, s.passwords[s.tenant.ID] = now.Password, now.Password
	if err := s.Mail.Client(s.tenant).All(ctx); err != nil {
		return fmt.Errorf("a browser and a mail program with the new password: %w", err)
	}
	return nil
}

// notice shows what somebody was told of the incident; what came before is passed over.
func (s *show) notice(ctx context.Context, who string, box inbox.Inbox) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		mails, err := box.Next(ctx)
		if err != nil {
			return fmt.Errorf("%s was told nothing: %w", who, err)
		}
		for _, m := range mails {
			if m.Attributes["type"] == "credential_compromise_response" {
				s.say.Linef("  notice to %s: %s", who, m.Subject)
				return nil
			}
		}
	}
}
