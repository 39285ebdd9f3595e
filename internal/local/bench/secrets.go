package bench

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/backup"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/restore"
)

// manySecrets is how many secrets are verified: mail credentials all of them, the kind whose password is opened, too.
const manySecrets = 10_000

// secrets measures inventory-secrets and verify-secrets. Both read every secret of Vault, which bounds them.
func (b *bench) secrets(ctx context.Context) error {
	if err := b.say.Step(fmt.Sprintf("give Vault %d mail credentials", manySecrets), func() error { return b.onboard(ctx) }); err != nil {
		return err
	}
	var found backup.Inventory
	var proof restore.Proof
	var listing, verifying used
	err := b.say.Step("inventory-secrets, then verify-secrets", func() (err error) {
		execution := run("InventorySecrets")
		captured := time.Now().UTC().Add(time.Second).Truncate(time.Second) // after all of them
		listing, err = b.call(ctx, "inventory-secrets", b.Vault.URL(), backup.InventoryInput{
			Plan: planAt(execution.StartedAt), Snapshot: backup.Snapshot{CapturedAt: captured}, Execution: execution,
		}, &found)
		if err != nil {
			return err
		}
		verifying, err = b.call(ctx, "verify-secrets", b.Vault.URL(), restore.VerifyInput{
			Backup: restore.Backup{Inventory: found.Object, CapturedAt: captured}, Execution: run("VerifySecrets"),
		}, &proof)
		return err
	})
	if err != nil {
		return err
	}
	if proof.SecretsVerified < manySecrets || proof.PasswordsDecrypted < manySecrets {
		return fmt.Errorf("%d secrets were verified and %d passwords opened, of %d", proof.SecretsVerified, proof.PasswordsDecrypted, manySecrets)
	}
	b.report.add(
		row(fmt.Sprintf("inventory-secrets, %d secrets", found.Secrets), listing.length().Seconds(), "s").
			noted("the function used %.1f s of CPU; the rest is Vault.", listing.CPU.Seconds()),
		row(fmt.Sprintf("verify-secrets, %d secrets, every mail password opened", proof.SecretsVerified), verifying.length().Seconds(), "s").below(60).
			noted("the function used %.1f s of CPU; the rest is Vault.", verifying.CPU.Seconds()),
	)
	return nil
}

// onboard writes the credentials, the test tenant's among them.
func (b *bench) onboard(ctx context.Context) error {
	client, err := b.Root()
	if err != nil {
		return err
	}
	if err := platform.Onboard(ctx, client, platform.TestTenant, platform.NewPassword()); err != nil {
		return err
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range manySecrets - 1 {
		group.Go(func() error {
			return platform.Onboard(gctx, client, fmt.Sprintf("many-%05d", i), platform.NewPassword())
		})
	}
	return group.Wait()
}
