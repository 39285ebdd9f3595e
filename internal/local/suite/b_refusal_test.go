//go:build platform

package suite

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/audit"
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

func TestALiveVaultIsNotRestoredOver(t *testing.T) {
	before := clusterID(t)
	r := restore(t, `{"backup_date":"latest"}`)
	ended(t, r, "FailedClean", "VaultActive", refused("CheckVault")...)
	if now := clusterID(t); now != before {
		t.Errorf("Vault is cluster %s now, was %s", now, before)
	}
}

func TestASealedVaultIsNeitherBackedUpNorRestoredOver(t *testing.T) {
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Sys().SealWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := backups(t)
	ended(t, restore(t, `{"backup_date":"latest"}`), "FailedClean", "VaultSealed", refused("CheckVault")...)
	ended(t, backup(t, `{"tier":"on-demand"}`), "FailedClean", "VaultSealed",
		slices.Concat([]string{"Take the request", "PlanBackup", "Already verified?", "SnapshotVault"}, failed, []string{"FailedClean"})...)
	if d := cmp.Diff(before, backups(t)); d != "" {
		t.Errorf("the bucket was touched (-before +after):\n%s", d)
	}
	if err := vaultserver.Unseal(t.Context(), client, w.Keys.Shares); err != nil {
		t.Fatal(err)
	}
	if err := vaultserver.WaitActive(t.Context(), client); err != nil {
		t.Fatal(err)
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
	ended(t, r, "FailedClean", "VaultUnreachable", refused("CheckVault")...)
	if n := len(r.Failures); n != 4 {
		t.Errorf("CheckVault was tried %d times, want once and three retries", n)
	}
}
