//go:build platform

package suite

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	restorestep "github.com/penguinmails/disaster-recovery/internal/restore"
)

// restoreWays are those of vault-restore.
func restoreWays(*testing.T) []way {
	slot, emptied := "", false
	restored := func(t *testing.T, r runbook.Result) {
		succeeded(t, r)
		right, err := w.Check(t.Context(), w.passwords)
		if err != nil || right != len(w.passwords) {
			t.Errorf("%d of %d passwords are what they were: %v", right, len(w.passwords), err)
		}
	}
	return []way{{
		name: "Vault is restored", machine: "VaultRestoreArn",
		prepare: func(t *testing.T, failing string) string {
			if slot == "" {
				taken := backup(t, `{"tier":"on-demand"}`)
				succeeded(t, taken)
				slot = field(t, taken, "plan", "slot")
			}
			if failing != "SelectBackup" && failing != "CheckVault" { // before these it has touched nothing
				lose(t)
			}
			emptied = w.VaultState(t.Context()) == "empty"
			return `{"backup_date":"` + slot + `","reason":"a bad day","requested_by":"mira"}`
		},
		well: func(t *testing.T, r runbook.Result) { restored(t, r) },
		broken: func(t *testing.T, r runbook.Result) {
			if r.Error != "FailedClean" {
				return // the node is wiped before the next run
			}
			want := "active"
			if emptied {
				want = "empty"
			}
			if now := w.VaultState(t.Context()); now != want {
				t.Errorf("it ended clean, and Vault is %s, it was %s", now, want)
			}
		},
		over: func(t *testing.T) {
			lose(t)
			restored(t, restore(t, `{"backup_date":"`+slot+`"}`))
		},
	}}
}

// liveRestoreWays are those of vault-restore over a Vault that is still there.
func liveRestoreWays(*testing.T) []way {
	slot := ""
	whole := func(t *testing.T, r runbook.Result) {
		succeeded(t, r)
		holds(t, w.passwords)
	}
	// A clean end has left Vault as it was, maybe opened. After a dirty one the node is wiped, as the cause says.
	healed := func(t *testing.T, r runbook.Result) {
		switch {
		case r.Error == "FailedDirty":
			lose(t)
			succeeded(t, restore(t, `{"backup_date":"`+slot+`"}`))
		case w.VaultState(t.Context()) == "sealed":
			reopen(t)
		}
		holds(t, w.passwords)
	}
	named := func() string {
		return fmt.Sprintf(`{"backup_date":%q,"reason":"a bad day","requested_by":"mira"}`, slot)
	}
	saved := func(t *testing.T) {
		if slot == "" {
			taken := backup(t, `{"tier":"on-demand"}`)
			succeeded(t, taken)
			slot = field(t, taken, "plan", "slot")
		}
	}
	approved := func(t *testing.T) string {
		saved(t)
		if _, err := approve(t, restorestep.Proposal{
			BackupDate: slot, ClusterID: clusterID(t), RequestedBy: "mira", ApprovedBy: "ines", Reason: "a bad day",
		}); err != nil {
			t.Fatal(err)
		}
		return named()
	}
	looked := 0 // at the Vault that was restored over
	sealed := func(t *testing.T, _ string) string {
		saved(t)
		seal(t)
		return named()
	}
	return []way{
		{name: "a sealed Vault is opened", machine: "VaultRestoreArn", prepare: sealed, well: whole, broken: healed},
		{
			name: "an opened Vault is not seen to lead", machine: "VaultRestoreArn", prepare: sealed, well: whole, broken: healed,
			alter: map[string]func([]byte) []byte{"CheckVaultOpened": func(answer []byte) []byte {
				var seen map[string]any
				if json.Unmarshal(answer, &seen) != nil || seen["state"] == nil {
					return answer
				}
				seen["state"] = "standby"
				altered, _ := json.Marshal(seen) // it was JSON before
				return altered
			}},
		},
		{
			name: "a live Vault is restored over", machine: "VaultRestoreArn", well: whole, broken: healed,
			prepare: func(t *testing.T, _ string) string { return approved(t) },
		},
		{
			name: "a Vault that was restored over is sealed", machine: "VaultRestoreArn", well: whole, broken: healed,
			prepare: func(t *testing.T, _ string) string {
				looked = 0
				return approved(t)
			},
			// It seals itself where the snapshot has another seal.
			alter: map[string]func([]byte) []byte{"CheckVaultAfterSnapshot": func(answer []byte) []byte {
				var seen map[string]any
				if json.Unmarshal(answer, &seen) != nil || seen["state"] == nil {
					return answer
				}
				if looked++; looked > 1 {
					return answer
				}
				if client, err := w.Root(); err != nil || client.Sys().Seal() != nil {
					return answer
				}
				seen["state"] = "sealed"
				altered, _ := json.Marshal(seen) // it was JSON before
				return altered
			}},
		},
		{
			name: "a restore over a live Vault is planned", machine: "VaultRestoreArn", well: whole, broken: healed,
			prepare: func(t *testing.T, _ string) string {
				saved(t)
				return fmt.Sprintf(`{"backup_date":%q,"mode":"plan","requested_by":"mira"}`, slot)
			},
		},
	}
}
