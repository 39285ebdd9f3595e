package contract

import (
	"slices"
	"testing"
)

// Nothing goes over a live Vault but by an approval, and by a backup of what it holds that was read back and signed.
func TestNothingGoesOverALiveVaultByItself(t *testing.T) {
	m := readMachine(t, "vault-restore")
	if m.States["RestoreSnapshot"].step() != "restore-snapshot" {
		t.Fatal("there is no RestoreSnapshot")
	}
	for _, guard := range []string{"check-approval", "snapshot-vault", "inventory-secrets", "verify-backup"} {
		without := machine{StartAt: m.StartAt, States: map[string]state{}}
		for name, s := range m.States {
			if s.step() != guard {
				without.States[name] = s
			}
		}
		if without.reachable(m.StartAt)["RestoreSnapshot"] {
			t.Errorf("a way leads to RestoreSnapshot without %s", guard)
		}
	}
}

// From where a plan turns off, no step changes anything: what is reached but the endings looks, or tells of a failure.
func TestAPlanOnlyLooks(t *testing.T) {
	looks := []string{"check-vault", "check-approval"}
	tells := []string{"record-audit", "alert-security", "alert-operations"}
	for runbook, turn := range map[string]string{"vault-backup": "CheckVaultForPlan", "vault-restore": "What would be done?"} {
		m := readMachine(t, runbook)
		path, succeeds := m.failurePath(), false
		for name := range m.reachable(turn) {
			s := m.States[name]
			if step := s.step(); s.Type == "Task" && !slices.Contains(looks, step) && !(path[name] && slices.Contains(tells, step)) {
				t.Errorf("a plan of %s comes to %s", runbook, name)
			}
			succeeds = succeeds || s.Type == "Succeed"
		}
		if !succeeds {
			t.Errorf("a plan of %s cannot succeed", runbook)
		}
	}
}
