package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// unsealed starts Vault's host again: Vault is whole, and sealed.
func (s *show) unsealed(ctx context.Context) error {
	s.say.Linef("\nVault's host is started again: Vault has everything, and is sealed; the runbook opens it and restores nothing")
	if err := s.Vault.Stop(); err != nil {
		return err
	}
	if err := s.StartVault(ctx); err != nil {
		return err
	}
	if state := s.VaultState(ctx); state != "sealed" {
		return fmt.Errorf("after its start Vault is %s", state)
	}
	result, err := s.restoring(ctx, fmt.Sprintf(`{"backup_date":%q,"reason":"Vault does not answer","requested_by":"demo"}`, s.changed))
	if err != nil {
		return err
	}
	if err := s.succeeded(ctx, result); err != nil {
		return err
	}
	if last := result.Path[len(result.Path)-1]; last != "RecoveredWithoutRestore" {
		return fmt.Errorf("it ended as %s", last)
	}
	if err := s.allRight(ctx); err != nil {
		return err
	}
	s.report.add("vault-unsealed-without-restore", "hand, start-execution", result.Stopped.Sub(result.Started), recoveryTime,
		fmt.Sprintf("from the start until Vault led again; nothing was restored, and all %d passwords are what they were", len(s.passwords)))
	return s.readMail(ctx)
}

// restoring runs vault-restore as it is typed.
func (s *show) restoring(ctx context.Context, input string) (result runbook.Result, err error) {
	s.say.Linef("  aws stepfunctions start-execution --state-machine-arn %s --input '%s'", s.Outputs["VaultRestoreArn"], input)
	err = s.say.Step("vault-restore", func() (err error) {
		result, err = s.desk.Run(ctx, s.Outputs["VaultRestoreArn"], input)
		return err
	})
	return result, err
}

// allRight is an error unless every password in Vault is what the demo knows.
func (s *show) allRight(ctx context.Context) error {
	right, err := s.Check(ctx, s.passwords)
	if err == nil && right != len(s.passwords) {
		err = errors.New("not every password is what it was")
	}
	if err != nil {
		return fmt.Errorf("%d of %d passwords are what they were: %w", right, len(s.passwords), err)
	}
	return nil
}
