//go:build platform

package suite

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// lose kills Vault, wipes its disk and starts an empty one in its place.
func lose(t *testing.T) {
	t.Helper()
	if err := w.LoseVault(); err != nil {
		t.Fatal(err)
	}
	if err := w.StartVault(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// onboard gives Vault one more tenant.
func onboard(t *testing.T, tenant string) {
	t.Helper()
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	password := platform.NewPassword()
	if err := platform.Onboard(t.Context(), client, tenant, password); err != nil {
		t.Fatal(err)
	}
	w.passwords[tenant] = password
}

// restored is the restore into an empty node.
var restored runbook.Result

// A tenant of each moment: in the backup, and after it. What came after is lost, as it must be; all else is there.
func TestVaultComesBackFromNothing(t *testing.T) {
	onboard(t, "in-the-backup")
	taken := backup(t, `{"tier":"on-demand"}`)
	succeeded(t, taken)
	onboard(t, "after-the-backup")
	cluster := clusterID(t)
	lose(t)
	planRestore(t, "make the empty node", "It would seed")

	r := restore(t, `{"backup_date":"`+field(t, taken, "plan", "slot")+`","reason":"the host burned","requested_by":"mira"}`)
	succeeded(t, r)
	restored = r
	took(t, collapsed(r, settling...), "Take the request", "SelectBackup", "CheckVault", "What is left of Vault?", "SeedVault",
		"WaitForVault", "CheckVaultAfterSeed", "Vault restored?", "UnsealVault",
		"WaitForVault", "CheckVaultAfterSeed", "Vault restored?", "VerifySecrets",
		"RecordAudit", "AlertSecurity", "AlertOperations", "Succeeded")
	delete(w.passwords, "after-the-backup")

	if now := clusterID(t); now != cluster {
		t.Errorf("Vault is cluster %s, want the old one, %s", now, cluster)
	}
	right, err := w.Check(t.Context(), w.passwords)
	if err != nil || right != len(w.passwords) {
		t.Errorf("%d of %d passwords are what they were: %v", right, len(w.passwords), err)
	}
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.KVv2("smtp").Get(t.Context(), "after-the-backup/admin"); err == nil {
		t.Error("a secret younger than the backup is there")
	}
	all := strconv.Itoa(len(w.passwords))
	want := map[string]string{"secrets_verified": all, "passwords_decrypted": all, "written_during_capture": "0", "unexpected_extras": "0"}
	for name, value := range want {
		if got := field(t, r, "proof", name); got != value {
			t.Errorf("%s = %s, want %s", name, got, value)
		}
	}
	last := newest(t, audit.VaultRestoredFromBackup)
	if last.Event != audit.VaultRestoredFromBackup || last.UserID != "mira" || !strings.Contains(string(last.Details), "restoration_seconds") {
		t.Errorf("audit record %+v", last)
	}
	for _, m := range []string{
		mail(t, w.security, "vault_restored_from_backup", r).Message,
		mail(t, w.operations, "vault_restored_from_backup", r).Message,
	} {
		if !strings.Contains(m, "objective") || !strings.Contains(m, "Next: ") {
			t.Errorf("notice:\n%s", m)
		}
	}
}

// A restore is followed by the rule's reconciliation, and a plan of one is not.
func TestAPlanIsNotReconciled(t *testing.T) {
	r := restored
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := w.desk.WaitForInput(ctx, w.Outputs["ReconcileAfterRestoreArn"], r.ARN); err != nil {
		t.Fatalf("the restore was not reconciled: %v", err)
	}
	for _, plan := range plannedRestores {
		if plan.Stopped.After(r.Stopped) {
			t.Fatal("the events of this plan may still be on their way")
		}
		if started(t, "ReconcileAfterRestoreArn", plan.ARN) {
			t.Errorf("the plan %s was reconciled", plan.ARN)
		}
	}
}

// started reports whether an execution of the machine has an input that contains the text.
func started(t *testing.T, output, contains string) bool {
	t.Helper()
	all, err := w.desk.States.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(w.Outputs[output])})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all.Executions {
		described, err := w.desk.States.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: e.ExecutionArn})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(aws.ToString(described.Input), contains) {
			return true
		}
	}
	return false
}

// Policies and roles travel inside the snapshot: the functions log in to the restored Vault as to the old one.
func TestTheRestoredVaultIsBackedUpAsBefore(t *testing.T) {
	r := backup(t, `{"tier":"on-change","reason":"after the restore"}`)
	succeeded(t, r)
	took(t, r, slices.Concat(captured, finished)...)
}

func TestWrongSharesLeaveANodeThatMustBeWiped(t *testing.T) {
	lose(t)
	storeShares(t, wrongShares)
	r := restore(t, `{"backup_date":"latest"}`)
	if r.Error != "FailedDirty" || !strings.HasPrefix(r.Cause, "UnsealSharesWrong: ") {
		t.Errorf("%s", w.desk.Explain(context.WithoutCancel(t.Context()), r))
	}
	took(t, collapsed(r, settling...), slices.Concat([]string{"Take the request", "SelectBackup", "CheckVault", "What is left of Vault?", "SeedVault",
		"WaitForVault", "CheckVaultAfterSeed", "Vault restored?", "UnsealVault", "The node is half made"},
		failed, []string{"Clean or dirty?", "FailedDirty"})...)

	// What the cause says comes next: the right shares, a wiped node, and again.
	if err := w.StoreShares(t.Context()); err != nil {
		t.Fatal(err)
	}
	lose(t)
	succeeded(t, restore(t, `{"backup_date":"latest"}`))
	right, err := w.Check(t.Context(), w.passwords)
	if err != nil || right != len(w.passwords) {
		t.Errorf("%d of %d passwords are what they were: %v", right, len(w.passwords), err)
	}
}

// settling is the polling loop of a node that is becoming the Vault of a snapshot.
var settling = []string{"WaitForVault", "CheckVaultAfterSeed", "Vault restored?"}

// collapsed drops repeats of a polling loop of three states, of which there may be any number.
func collapsed(r runbook.Result, loop ...string) runbook.Result {
	var path []string
	for _, state := range r.Path {
		path = append(path, state)
		if n := len(path); n >= 6 && slices.Equal(path[n-3:], loop) && slices.Equal(path[n-6:n-3], loop) {
			path = path[:n-3]
		}
	}
	r.Path = path
	return r
}
