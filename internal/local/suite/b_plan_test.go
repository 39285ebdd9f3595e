//go:build platform

package suite

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// plannedRestores are those that were only planned.
var plannedRestores []runbook.Result

// planRestore plans one, and asserts the way and the end of it.
func planRestore(t *testing.T, would string, path ...string) {
	t.Helper()
	r := restore(t, `{"backup_date":"latest","mode":"plan","requested_by":"mira"}`)
	succeeded(t, r)
	took(t, r, slices.Concat([]string{"Take the request", "SelectBackup", "CheckVault", "What is left of Vault?", "What would be done?"}, path, []string{"Succeeded"})...)
	if got := field(t, r, "would"); !strings.Contains(got, would) {
		t.Errorf("the plan is %q", got)
	}
	plannedRestores = append(plannedRestores, r)
}

func TestAPlanChangesNothing(t *testing.T) {
	before, trail, vault := backups(t), len(records(t)), clusterID(t)
	r := backup(t, `{"tier":"on-demand","mode":"plan"}`)
	succeeded(t, r)
	took(t, r, "Take the request", "PlanBackup", "Already verified?", "CheckVaultForPlan", "Succeeded")
	if got := field(t, r, "plan", "slot"); !strings.HasPrefix(got, "on-demand/") {
		t.Errorf("the plan is to fill %q", got)
	}

	seal(t)
	planRestore(t, "open the sealed nodes", "It would unseal")
	if state := w.VaultState(t.Context()); state != "sealed" {
		t.Errorf("after the plan Vault is %s", state)
	}
	if now := len(records(t)); now != trail {
		t.Errorf("%d audit records were added", now-trail)
	}
	ended(t, backup(t, `{"tier":"on-demand","mode":"plan"}`), "FailedClean", "VaultSealed",
		slices.Concat([]string{"Take the request", "PlanBackup", "Already verified?", "CheckVaultForPlan"}, failed, []string{"FailedClean"})...)
	reopen(t)
	if d := cmp.Diff(before, backups(t)); d != "" {
		t.Errorf("the bucket was touched (-before +after):\n%s", d)
	}
	if now := clusterID(t); now != vault {
		t.Errorf("Vault was touched: it is cluster %s now, was %s", now, vault)
	}
}
