//go:build platform

package suite

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
)

// seeded is the path of a restore up to the node that was fed.
var seeded = []string{"Take the request", "SelectBackup", "CheckVault", "What is left of Vault?", "SeedVault",
	"WaitForVault", "CheckVaultAfterSeed", "Vault restored?"}

// Vault takes the snapshot and never becomes it: an acknowledgement is no restore.
func TestASnapshotThatIsNeverApplied(t *testing.T) {
	pace(t, hurried)
	t.Cleanup(func() { pace(t, 1) })
	succeeded(t, backup(t, `{"tier":"on-demand"}`)) // what this test and the next two restore
	lose(t)
	swallowed := strike(t, w.Faults.Vault, faults.Rule{
		Caller: "pmdr-seed-vault", Method: http.MethodPost, Path: "/v1/sys/storage/raft/snapshot-force",
		Strikes: []faults.Strike{faults.Answer(http.StatusNoContent, "application/json", "")},
	})
	r := restore(t, `{"backup_date":"latest"}`)
	ended(t, collapsed(r, settling...), "FailedDirty", "RestoreNotApplied",
		slices.Concat(seeded, []string{"Why not?", "Restore not applied", "The node is half made"}, failed, []string{"Clean or dirty?", "FailedDirty"})...)
	swallowed.Remove()

	// Left as it is, the node is another, empty Vault, and is not restored over.
	r = restore(t, `{"backup_date":"latest","requested_by":"mira"}`)
	ended(t, r, "FailedClean", "VaultRefused", refused("CheckVault", "What is left of Vault?", "CheckApproval")...)
	if !strings.Contains(r.Cause, "delete its data directory") {
		t.Errorf("the cause does not say that a half made node must be wiped: %s", r.Cause)
	}
}

// A Vault whose audit devices cannot open stands by for ever: open, and leading nothing. To wipe it and try again would
// end the same way.
func TestARestoredVaultThatDoesNotLead(t *testing.T) {
	pace(t, hurried)
	t.Cleanup(func() { pace(t, 1) })
	lose(t)
	strike(t, w.Faults.Vault, faults.Rule{
		Caller: "pmdr-check-vault", Path: "/v1/sys/health", Skip: 1,
		Strikes: []faults.Strike{faults.Answer(299, "application/json", `{"initialized":true,"sealed":false,"standby":true,"version":"1.21.0"}`)},
	})
	r := restore(t, `{"backup_date":"latest"}`)
	ended(t, collapsed(r, settling...), "FailedDirty", "VaultNotLeading",
		slices.Concat(seeded, []string{"Why not?", "Restored but not leading", "The node is half made"}, failed, []string{"Clean or dirty?", "FailedDirty"})...)
	if !strings.Contains(r.Cause, "journalctl -u vault") {
		t.Errorf("the cause does not say where to look: %s", r.Cause)
	}
}

// Vault is back and proved, and the operators cannot be told: nobody may be led to wipe it.
func TestARestoreThatNobodyIsToldOf(t *testing.T) {
	pace(t, hurried)
	t.Cleanup(func() { pace(t, 1) })
	lose(t)
	strike(t, w.Faults.AWS, faults.Rule{Caller: "pmdr-alert-operations", Action: "Publish", Strikes: []faults.Strike{deniedBySNS}})
	r := restore(t, `{"backup_date":"latest"}`)
	way := slices.Concat(seeded, []string{"UnsealVault", "WaitForVault", "CheckVaultAfterSeed", "Vault restored?", "VerifySecrets",
		"RecordAudit", "AlertSecurity", "AlertOperations", "Restored but not told"}, failed, []string{"Clean or dirty?", "FailedDirty"})
	ended(t, collapsed(r, settling...), "FailedDirty", "AWSRefused", way...)
	if m := mail(t, w.security, "vault_restore_failed", r); !strings.Contains(m.Message, "DO NOT WIPE IT") {
		t.Errorf("notice:\n%s", m.Message)
	}
	right, err := w.Check(context.WithoutCancel(t.Context()), w.passwords)
	if err != nil || right != len(w.passwords) {
		t.Errorf("%d of %d passwords are what they were: %v", right, len(w.passwords), err)
	}
}
