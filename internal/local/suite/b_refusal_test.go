//go:build platform

package suite

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
)

// refused is the path of a restore that stopped before it touched a node.
func refused(steps ...string) []string {
	return slices.Concat([]string{"Take the request", "SelectBackup"}, steps, failed, []string{"Clean or dirty?", "FailedClean"})
}

func TestADateWithoutABackupIsNamed(t *testing.T) {
	r := restore(t, `{"backup_date":"2019-01-01","requested_by":"mira"}`)
	ended(t, r, "FailedClean", "BackupNotFound", refused()...)
	if day := w.due.Format("2006-01-02"); !strings.Contains(r.Cause, day) {
		t.Errorf("the cause does not name the backup of %s: %s", day, r.Cause)
	}
	last := latest(t)
	if last.Event != audit.VaultRestoreFailed || last.Severity != audit.Critical || !strings.Contains(string(last.Details), "BackupNotFound") {
		t.Errorf("audit record %+v", last)
	}
	for _, m := range []string{
		mail(t, w.security, "vault_restore_failed", r).Message,
		mail(t, w.operations, "vault_restore_failed", r).Message,
	} {
		if !strings.Contains(m, "BackupNotFound") || !strings.Contains(m, "Next: ") {
			t.Errorf("notice:\n%s", m)
		}
	}
}

// Over a live Vault it must be known who asks: somebody else approves.
func TestNobodyRestoresOverALiveVaultUnnamed(t *testing.T) {
	before := clusterID(t)
	r := restore(t, `{"backup_date":"latest"}`)
	ended(t, r, "FailedClean", "InvalidInput", refused("CheckVault", "What is left of Vault?", "CheckApproval")...)
	if now := clusterID(t); now != before {
		t.Errorf("Vault is cluster %s now, was %s", now, before)
	}
}

// reopen opens Vault by hand.
func reopen(t *testing.T) {
	t.Helper()
	client, err := w.Vault.Client()
	if err != nil {
		t.Fatal(err)
	}
	if err := vaultserver.Unseal(t.Context(), client, w.Keys.Shares); err != nil {
		t.Fatal(err)
	}
	if err := vaultserver.WaitActive(t.Context(), client); err != nil {
		t.Fatal(err)
	}
}

// seal locks Vault as a host that was started again is.
func seal(t *testing.T) {
	t.Helper()
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Sys().SealWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// storeShares puts other key shares where UnsealVault looks.
func storeShares(t *testing.T, value string) {
	t.Helper()
	if _, err := secretsmanager.NewFromConfig(w.AWS).PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(w.Outputs["UnsealSharesSecret"]), SecretString: aws.String(value),
	}); err != nil {
		t.Fatal(err)
	}
}

// wrongShares are of the right form.
var wrongShares = `{"shares":["` + strings.Repeat("ab", 33) + `","` + strings.Repeat("cd", 33) + `"]}`

// unsealed is the path of a start that only had to open Vault.
var unsealed = []string{"Take the request", "SelectBackup", "CheckVault", "What is left of Vault?", "UnsealVaultFirst",
	"WaitForLeader", "CheckVaultOpened", "Does Vault lead?", "Restore all the same?", "RecordAuditRecovered", "AlertOperationsRecovered", "RecoveredWithoutRestore"}

func TestASealedVaultIsOpenedAndNotRestored(t *testing.T) {
	onboard(t, "after-every-backup")
	seal(t)
	before := backups(t)
	ended(t, backup(t, `{"tier":"on-demand"}`), "FailedClean", "VaultSealed",
		slices.Concat([]string{"Take the request", "PlanBackup", "Already verified?", "SnapshotVault"}, failed, []string{"FailedClean"})...)

	r := restore(t, `{"backup_date":"latest","reason":"the host was started again","requested_by":"mira"}`)
	succeeded(t, r)
	took(t, collapsed(r, "WaitForLeader", "CheckVaultOpened", "Does Vault lead?"), unsealed...)
	right, err := w.Check(t.Context(), w.passwords)
	if err != nil || right != len(w.passwords) {
		t.Errorf("%d of %d passwords are what they were, the youngest among them: %v", right, len(w.passwords), err)
	}
	if last := newest(t, audit.VaultRecoveredWithoutRestore); last.UserID != "mira" || !strings.Contains(string(last.Details), "https://") {
		t.Errorf("audit record %+v", last)
	}
	if m := mail(t, w.operations, "vault_recovered_without_restore", r).Message; !strings.Contains(m, "the host was started again") {
		t.Errorf("notice:\n%s", m)
	}
	if d := cmp.Diff(before, backups(t)); d != "" {
		t.Errorf("the bucket was touched (-before +after):\n%s", d)
	}
	reconciled(t, r)
}

// reconciled is the look at Vault and the servers that a rule starts after a run of vault-restore.
func reconciled(t *testing.T, restore runbook.Result) runbook.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := w.desk.WaitForInput(ctx, w.Outputs["ReconcileAfterRestoreArn"], restore.ARN)
	if err != nil {
		t.Fatal(err)
	}
	succeeded(t, r)
	return r
}

// Whoever reads the cause must not wipe a Vault that is whole.
func TestASealedVaultThatTheSharesDoNotOpenStaysAsItIs(t *testing.T) {
	before := clusterID(t)
	seal(t)
	storeShares(t, wrongShares)
	r := restore(t, `{"backup_date":"latest"}`)
	if err := w.StoreShares(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended(t, r, "FailedClean", "UnsealSharesWrong", refused("CheckVault", "What is left of Vault?", "UnsealVaultFirst")...)
	if !strings.Contains(r.Cause, "only after FailedDirty also wipe") {
		t.Errorf("the cause says %s", r.Cause)
	}
	succeeded(t, restore(t, `{"backup_date":"latest"}`))
	if now := clusterID(t); now != before {
		t.Errorf("Vault is cluster %s now, was %s", now, before)
	}
}

func TestAVaultOutOfReachStopsTheRestore(t *testing.T) {
	if err := w.Vault.Stop(); err != nil {
		t.Fatal(err)
	}
	r := restore(t, `{"backup_date":"latest"}`)
	if err := w.StartVault(t.Context()); err != nil {
		t.Fatal(err)
	}
	reopen(t)
	ended(t, r, "FailedClean", "VaultUnreachable", refused("CheckVault")...)
	if n := len(r.Failures); n != 4 {
		t.Errorf("CheckVault was tried %d times, want once and three retries", n)
	}
}
