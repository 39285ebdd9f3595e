//go:build platform

package suite

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/approval"
	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	restoring "github.com/penguinmails/disaster-recovery/internal/restore"
)

// over is the path of a restore over a live Vault, up to its end.
var over = []string{"Take the request", "SelectBackup", "CheckVault", "What is left of Vault?", "CheckApproval", "Live data is restored over",
	"SnapshotVaultBeforeRestore", "InventorySecretsBeforeRestore", "VerifyBackupBeforeRestore", "RestoreSnapshot",
	"WaitForSnapshot", "CheckVaultAfterSnapshot", "Snapshot applied?", "VerifySecrets", "RecordAudit", "AlertSecurity", "AlertOperations", "Succeeded"}

// applying is the polling loop of a live Vault that was fed a snapshot.
var applying = []string{"WaitForSnapshot", "CheckVaultAfterSnapshot", "Snapshot applied?"}

// approve calls ApproveRestore as somebody who may.
func approve(t *testing.T, p restoring.Proposal) (approval.Approval, error) {
	t.Helper()
	var given approval.Approval
	return given, w.Invoke(t.Context(), "approve-restore", p, &given)
}

// unapproved asserts that a start ended for lack of an approval, and touched nothing.
func unapproved(t *testing.T, r runbook.Result, says string) {
	t.Helper()
	ended(t, r, "FailedClean", "ApprovalRequired", refused("CheckVault", "What is left of Vault?", "CheckApproval")...)
	if !strings.Contains(r.Cause, says) {
		t.Errorf("the cause does not say %q: %s", says, r.Cause)
	}
}

// holds asserts which passwords Vault holds now.
func holds(t *testing.T, want platform.Passwords) {
	t.Helper()
	right, err := w.Check(t.Context(), want)
	if err != nil || right != len(want) {
		t.Errorf("%d of %d passwords are what they should be: %v", right, len(want), err)
	}
}

// Bad data gets into a Vault that is alive; a backup from before goes over it once a second person has approved, and what it
// held comes back in the same way.
func TestALiveVaultIsRestoredOver(t *testing.T) {
	taken := backup(t, `{"tier":"on-demand","reason":"before the import"}`)
	succeeded(t, taken)
	slot, before := field(t, taken, "plan", "slot"), maps.Clone(w.passwords)
	onboard(t, "imported")
	onboard(t, "tenant-001") // another password
	cluster := clusterID(t)
	input := fmt.Sprintf(`{"backup_date":%q,"reason":"a bad import","requested_by":"mira"}`, slot)
	proposal := restoring.Proposal{BackupDate: slot, ClusterID: cluster, RequestedBy: "mira", ApprovedBy: "ines", Reason: "it was I who imported"}

	planRestore(t, "with the approval of a second person", "CheckApprovalForPlan", "It would restore over")
	unapproved(t, restore(t, input), "2 secrets written and 0 deleted")
	unapproved(t, restore(t, input), `--payload '{"backup_date":"`+slot+`","cluster_id":"`+cluster+`","requested_by":"mira","approved_by":"?","reason":""}'`)
	mine := proposal
	mine.ApprovedBy = "Mira "
	var refusal *platform.FunctionFailed
	if _, err := approve(t, mine); !errors.As(err, &refusal) || refusal.Name != "InvalidInput" || !strings.Contains(refusal.Message, "second person") {
		t.Errorf("who asks approves: %v", err)
	}
	if last := newest(t, audit.RestoreDenied); !strings.Contains(string(last.Details), `"approved_by":"Mira "`) {
		t.Errorf("audit record %+v", last)
	}
	holds(t, w.passwords)

	given, err := approve(t, proposal)
	if err != nil {
		t.Fatal(err)
	}
	if last := newest(t, audit.RestoreApproved); last.Severity != audit.Critical || !strings.Contains(string(last.Details), given.ManifestSHA256) {
		t.Errorf("audit record %+v", last)
	}
	if m := mail(t, w.operations, "restore_approved", runbook.Result{ARN: "pmdr-approve-restore"}).Message; !strings.Contains(m, `"requested_by":"mira"`) {
		t.Errorf("notice:\n%s", m)
	}
	unapproved(t, restore(t, fmt.Sprintf(`{"backup_date":%q,"requested_by":"otto"}`, slot)), "approved for somebody else")

	r := restore(t, input)
	succeeded(t, r)
	took(t, collapsed(r, applying...), over...)
	holds(t, before)
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.KVv2("smtp").Get(t.Context(), "imported/admin"); err == nil {
		t.Error("a secret younger than the backup is there")
	}
	back := field(t, r, "safety", "backup_date")
	last := newest(t, audit.VaultRestoredFromBackup)
	if last.Severity != audit.Critical || !strings.Contains(string(last.Details), `"way_back":"`+back+`"`) || !strings.Contains(string(last.Details), `"approved_by":"ines"`) {
		t.Errorf("audit record %+v", last)
	}
	if m := mail(t, w.operations, "vault_restored_from_backup", r).Message; !strings.Contains(m, `--input '{"backup_date":"`+back+`","requested_by":"mira"}'`) {
		t.Errorf("notice:\n%s", m)
	}
	unapproved(t, restore(t, input), "was used by")

	proposal.BackupDate = back
	if _, err := approve(t, proposal); err != nil {
		t.Fatal(err)
	}
	r = restore(t, fmt.Sprintf(`{"backup_date":%q,"requested_by":"mira"}`, back))
	succeeded(t, r)
	took(t, collapsed(r, applying...), over...)
	holds(t, w.passwords)
}

// A seal is opened first, whatever was asked for; then the same holds as for any live Vault.
func TestForceGoesOverASealedVaultOnlyWithAnApproval(t *testing.T) {
	seal(t)
	r := restore(t, `{"backup_date":"latest","force":true,"requested_by":"mira"}`)
	way := slices.Concat(unsealed[:len(unsealed)-3], []string{"CheckApproval"})
	ended(t, collapsed(r, "WaitForLeader", "CheckVaultOpened", "Does Vault lead?"), "FailedClean", "ApprovalRequired",
		slices.Concat(way, failed, []string{"Clean or dirty?", "FailedClean"})...)
	if state := w.VaultState(t.Context()); state != "active" {
		t.Errorf("Vault is %s", state)
	}
}
