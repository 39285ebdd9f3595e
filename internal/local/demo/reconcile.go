package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// reconcile watches Vault and the tenant's mail server come to agree again: the backup is older than the rotation, so that
// the restored Vault holds the leaked password.
func (s *show) reconcile(ctx context.Context, restored runbook.Result) error {
	s.say.Linef("  the password of %s was rotated after that backup: Vault holds the leaked one again", s.tenant.Hostname)
	var rotated runbook.Result
	err := s.say.Step("wait for the rule, for reconcile-after-restore, and for the rotation", func() error {
		wctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		found, err := s.desk.WaitForInput(wctx, s.Outputs["ReconcileAfterRestoreArn"], restored.ARN)
		if err != nil {
			return err
		}
		if err := s.succeeded(ctx, found); err != nil {
			return err
		}
		rotated, err = s.desk.WaitForInput(wctx, s.Outputs["CredentialRotationArn"], `"requested_by":"reconcile-after-restore"`)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.succeeded(ctx, rotated); err != nil {
		return err
	}
	if err := s.worthless(ctx); err != nil {
		return err
	}
	s.say.Linef("  Vault has a newer password, and a browser and a mail program log in with it")
	s.report.add("reconcile-after-restore", "rule, when the restore ended", rotated.Stopped.Sub(restored.Stopped), responseTime, fmt.Sprintf(
		"from the end of the restore until Vault and the mail server agreed; the rotation itself took %.1f s", rotated.Seconds()))
	return s.readMail(ctx)
}
