//go:build platform

package suite

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// backupWays are those of vault-backup.
func backupWays(*testing.T) []way {
	var before []string
	prepare := func(t *testing.T, _ string) string {
		before = backups(t)
		return `{"tier":"on-demand","requested_by":"mira"}`
	}
	kept := func(t *testing.T) {
		t.Helper()
		now := backups(t)
		for _, o := range before {
			if !slices.Contains(now, o) {
				t.Errorf("%s is gone", o)
			}
		}
	}
	verified := func(t *testing.T, r runbook.Result) {
		succeeded(t, r)
		kept(t)
		slot, err := archive.ParseSlot(field(t, r, "plan", "slot"))
		if err != nil {
			t.Fatal(err)
		}
		if signed, found, err := store().Manifest(t.Context(), slot); err != nil || !found || signed.Execution != r.ARN {
			t.Errorf("the manifest of %s: found %v, by %s, %v", slot, found, signed.Execution, err)
		}
	}
	broken := func(t *testing.T, _ runbook.Result) { kept(t) }
	night := time.Now().UTC().AddDate(0, 0, -7) // no other test fills those days
	month := night
	return []way{
		{name: "a backup", machine: "VaultBackupArn", prepare: prepare, well: verified, broken: broken},
		{
			name: "the first backup of a month", machine: "VaultBackupArn", well: verified, broken: broken,
			prepare: func(t *testing.T, failing string) string {
				night, month = night.AddDate(0, 0, -1), time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, -1, 0)
				return prepare(t, failing)
			},
			// Nobody has a dozen first nights at hand.
			alter: map[string]func([]byte) []byte{"PlanBackup": func(answer []byte) []byte {
				var plan map[string]any
				if json.Unmarshal(answer, &plan) != nil || plan["slot"] == nil {
					return answer
				}
				plan["tier"], plan["slot"] = archive.Daily, archive.SlotAt(archive.Daily, night).String()
				plan["promote_to"] = archive.SlotAt(archive.Monthly, month).String()
				altered, _ := json.Marshal(plan) // it was JSON before
				return altered
			}},
		},
	}
}

// plannedBackupWays are those of vault-backup that change nothing.
func plannedBackupWays(*testing.T) []way {
	return []way{{
		name: "a backup is planned", machine: "VaultBackupArn",
		prepare: func(*testing.T, string) string { return `{"tier":"on-demand","mode":"plan"}` },
		well:    func(t *testing.T, r runbook.Result) { succeeded(t, r) },
		broken:  func(*testing.T, runbook.Result) {},
	}}
}

// the lease stays where it is.
func backstopWays(t *testing.T) []way {
	mailTenant(t)
	tenantID := unserved(t, "umbrella", 1)[0]
	var dead runbook.Result
	held := func(t *testing.T) {
		t.Helper()
		if holder := registered(t, tenantID).Lease.Holder; holder != dead.ARN {
			t.Errorf("the lease is held by %q", holder)
		}
	}
	return []way{{
		name: "a stopped recovery is told of", machine: "BackstopArn", everyHarm: true,
		prepare: func(t *testing.T, _ string) string {
			if dead.ARN == "" {
				hanging := w.Faults.Provider.Add(faults.Rule{Caller: "pmdr-probe-vps", Path: "/v1/servers/9000", Strikes: []faults.Strike{faults.Hang}})
				dead = stopAt(t, `{"tenant_id":"`+tenantID+`","reason":"a mistake"}`, "ProbeVps")
				hanging.Remove()
				mail(t, w.operations, "execution_failed", dead) // the rule has been there
			}
			return `{"execution_arn":"` + dead.ARN + `"}`
		},
		well: func(t *testing.T, r runbook.Result) {
			succeeded(t, r)
			if field(t, r, "report", "left_behind") != "true" {
				t.Errorf("it has not seen what is left: %s", r.Output)
			}
			held(t)
		},
		broken: func(t *testing.T, _ runbook.Result) { held(t) },
		over: func(t *testing.T) {
			id := audit.NewID(task.Execution{ARN: dead.ARN, StartedAt: dead.Started, State: "RecordAudit"}, nil, audit.ExecutionFailed)
			told := slices.DeleteFunc(records(t), func(r audit.Record) bool { return r.ID != id })
			if len(told) != 1 {
				t.Errorf("the dead execution is recorded %d times", len(told))
			}
			succeeded(t, recoverServer(t, `{"tenant_id":"`+tenantID+`","mode":"clean-up","reason":"a run was stopped"}`))
		},
	}}
}
