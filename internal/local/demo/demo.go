// Package demo shows the product's main job, really running: a nightly backup by its rule, the loss of Vault and its return
// from nothing, from under seal and from bad data, the death of a mail server, and a leaked password, each measured against
// its objective.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/local/inbox"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/progress"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// The objectives: how old restored data may be, how long a restore may take, how long a tenant's mail may be away, and how
// long the response to a leaked password may take.
const (
	recoveryPoint = 24 * time.Hour
	recoveryTime  = 30 * time.Minute
	serverTime    = time.Hour
	responseTime  = 5 * time.Minute
)

// tenants is how many tenants' secrets the demo loses and brings back.
const tenants = 200

// Run runs the demo in the checkout at root. It leaves no process behind, and .local/demo.json.
func Run(ctx context.Context, root string, say *progress.Printer) (err error) {
	say.Linef("Preparing (the first time on a machine about six minutes, then seconds)")
	tools, err := platform.Fetch(ctx, root, say)
	if err != nil {
		return err
	}
	p, err := platform.Start(ctx, tools, platform.Options{Dir: filepath.Join(root, ".local", "demo"), Attached: true}, say)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	s := &show{Platform: p, say: say, desk: runbook.NewDesk(p.AWS)}
	for _, act := range []func(context.Context) error{s.prepare, s.backup, s.compromise, s.unsealed, s.approved, s.restore, s.server} {
		if err := act(ctx); err != nil {
			return err
		}
	}
	s.report.print(say)
	if err := s.report.save(filepath.Join(root, ".local", "demo.json")); err != nil {
		return err
	}
	return s.report.missed()
}

// show is the demo's state between its acts.
type show struct {
	*platform.Platform
	say       *progress.Printer
	desk      runbook.Desk
	passwords platform.Passwords
	mail      inbox.Inbox // of the operators
	tenants   inbox.Inbox
	security  inbox.Inbox
	tenant    platform.MailTenant // whose mail server dies
	due       time.Time
	captured  time.Time
	changed   string // the backup after the change of a password
	report    report
}

// prepare seeds Vault and deploys the template with a schedule that is about to come due.
func (s *show) prepare(ctx context.Context) (err error) {
	if s.passwords, err = s.Seed(ctx, tenants); err != nil {
		return err
	}
	if err := s.StartMail(ctx); err != nil {
		return err
	}
	err = s.say.Step("set up the tenant acme: secrets in Vault, a zone, a server with Mailu", func() (err error) {
		s.tenant, err = s.SetUpMail(ctx, "acme")
		return err
	})
	if err != nil {
		return err
	}
	s.passwords[s.tenant.ID] = s.tenant.Password
	if s.due, err = s.DeploySoon(ctx); err != nil {
		return err
	}
	if err := s.StoreShares(ctx); err != nil {
		return err
	}
	if err := s.StoreToken(ctx); err != nil {
		return err
	}
	if err := s.Register(ctx, s.tenant); err != nil {
		return err
	}
	for _, one := range []struct {
		box         *inbox.Inbox
		topic, name string
	}{
		{&s.mail, "OperationsTopic", "demo-operators"}, {&s.tenants, "TenantTopic", "demo-tenants"}, {&s.security, "SecurityTopic", "demo-security"},
	} {
		if *one.box, err = inbox.Subscribe(ctx, s.AWS, s.Outputs[one.topic], one.name); err != nil {
			return err
		}
	}
	return nil
}

// backup waits for the rule to fire and for the backup to be verified.
func (s *show) backup(ctx context.Context) error {
	s.say.Linef("\nThe nightly backup: the rule fires at %s UTC", s.due.Format("15:04"))
	var result runbook.Result
	err := s.say.Step("wait for the rule, then for vault-backup", func() error {
		// A rule fires within its minute.
		wctx, cancel := context.WithDeadline(ctx, s.due.Add(2*time.Minute))
		defer cancel()
		var err error
		if result, err = s.desk.WaitForInput(wctx, s.Outputs["VaultBackupArn"], `"daily"`); err != nil {
			return fmt.Errorf("the rule did not bring a backup: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.succeeded(ctx, result); err != nil {
		return err
	}
	var out struct {
		Verified struct {
			Slot           string    `json:"slot"`
			ManifestSHA256 string    `json:"manifest_sha256"`
			CapturedAt     time.Time `json:"captured_at"`
			Secrets        int       `json:"secrets"`
			SnapshotBytes  int64     `json:"snapshot_bytes"`
		} `json:"verified"`
	}
	if err := json.Unmarshal([]byte(result.Output), &out); err != nil {
		return fmt.Errorf("the output of vault-backup: %w", err)
	}
	v := out.Verified
	s.captured = v.CapturedAt
	s.say.Linef("  verified and signed in %.1f s: %s, %d secrets, %d bytes sealed, manifest %s…",
		result.Seconds(), v.Slot, v.Secrets, v.SnapshotBytes, v.ManifestSHA256[:12])
	return s.readMail(ctx)
}

// restore loses Vault, disk and all, and brings it back into an empty one.
func (s *show) restore(ctx context.Context) error {
	s.say.Linef("\nVault is lost: killed, its disk wiped; an empty one is started in its place, and restored from the nightly backup,\n" +
		"which is older than the last rotation")
	lost := time.Now()
	if err := s.LoseVault(); err != nil {
		return err
	}
	if err := s.StartVault(ctx); err != nil {
		return err
	}
	input := fmt.Sprintf(`{"backup_date":%q,"reason":"Vault is lost","requested_by":"demo"}`, s.due.Format(time.DateOnly))
	result, err := s.restoring(ctx, input)
	if err != nil {
		return err
	}
	if err := s.succeeded(ctx, result); err != nil {
		return err
	}
	stored := maps.Clone(s.passwords)
	delete(stored, s.tenant.ID) // rotated since the backup
	right, err := s.Check(ctx, stored)
	if err != nil {
		return err
	}
	if right != len(stored) {
		return fmt.Errorf("only %d of %d passwords are what they were", right, len(stored))
	}
	s.say.Linef("  all %d passwords decrypt to what was stored", right)
	s.report.add("vault-backup", "rule cron, really fired", lost.Sub(s.captured), recoveryPoint,
		"recovery point: the data's age when Vault was lost")
	s.report.add("vault-restore", "hand, start-execution", result.Stopped.Sub(result.Started), recoveryTime,
		fmt.Sprintf("recovery time: from the start to every secret proved; %d of %d passwords right", right, len(stored)))
	return s.reconcile(ctx, result)
}

// succeeded is nil for an execution that did; otherwise it explains the failure.
func (s *show) succeeded(ctx context.Context, r runbook.Result) error {
	if r.Status == types.ExecutionStatusSucceeded {
		return nil
	}
	return errors.New(s.desk.Explain(ctx, r))
}

// readMail shows what the operators were told.
func (s *show) readMail(ctx context.Context) error {
	mails, err := s.mail.Next(ctx)
	if err != nil {
		return err
	}
	if len(mails) == 0 {
		return errors.New("the operators were told nothing")
	}
	for _, m := range mails {
		s.say.Linef("  notice to the operators: %s", m.Subject)
	}
	return nil
}
