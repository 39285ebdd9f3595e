//go:build platform

package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

// book guards what the world remembers (passwords, secrets) where groups of ways are at work at the same time.
var book sync.Mutex

// listens waits until somebody listens there.
func listens(t *testing.T, address string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Errorf("nobody listens on %s: %v", address, err)
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// serverWays are those of vps-recovery, of globex.
func serverWays(t *testing.T) []way {
	d := today(t)
	const dead = `{"tenant_id":"globex","reason":"vps_failure","requested_by":"mira"}`
	of := func(name string, prepare func(*testing.T) string, well func(*testing.T, runbook.Result)) way {
		return way{
			name: name, machine: "VpsRecoveryArn", well: well,
			prepare: func(t *testing.T, _ string) string {
				d = today(t)
				return prepare(t)
			},
			broken: func(t *testing.T, r runbook.Result) { d.settle(t, r) },
		}
	}
	unchanged := func(t *testing.T, _ runbook.Result) {
		d.untouched(t)
		d.serves(t)
	}
	stopped := func(state string) func(*testing.T) string {
		return func(t *testing.T) string {
			pace(t, 1) // it must not get any further
			stopAt(t, forced, state)
			pace(t, hurried)
			return again
		}
	}
	return []way{
		of("a server is replaced", func(*testing.T) string { return forced }, func(t *testing.T, r runbook.Result) { d.replaced(t, r) }),
		of("nothing is needed", func(*testing.T) string { return dead }, unchanged),
		of("a reboot helps", func(t *testing.T) string {
			if err := w.Mail.Provider.Crash(id(t, d.before.VPS.ID), true); err != nil {
				t.Fatal(err)
			}
			// Pauses are short in these tests: the server is up before anybody looks.
			up := w.Faults.Provider.Add(faults.Rule{
				Caller: "pmdr-fence-vps", If: func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/actions/reboot") },
				Strikes: []faults.Strike{faults.After(func() { listens(t, net.JoinHostPort(d.before.VPS.IP.String(), "993")) })},
			})
			t.Cleanup(up.Remove)
			return dead
		}, unchanged),
		of("the password is rotated meanwhile", func(t *testing.T) string {
			rule := w.Faults.Provider.Add(faults.Rule{Caller: "pmdr-set-reverse-dns", Times: 1, Strikes: []faults.Strike{faults.Before(func() {
				r, err := w.desk.Run(context.WithoutCancel(t.Context()), w.Outputs["CredentialRotationArn"], `{"tenant_id":"globex","reason":"it leaked"}`)
				if err != nil || r.Error != "" {
					t.Errorf("the rotation ended as %s: %v", r.Error, err)
				}
			})}})
			t.Cleanup(rule.Remove)
			return forced
		}, func(t *testing.T, r runbook.Result) {
			succeeded(t, r)
			d.agreed(t)
			d.moved(t)
			d.retire(t)
		}),
		of("a dead run's server goes", stopped("WaitForMailu"), func(t *testing.T, _ runbook.Result) {
			d.untouched(t)
			d.revive(t)
		}),
		of("a dead run's move is finished", stopped("WaitForDns"), func(t *testing.T, _ runbook.Result) {
			d.moved(t)
			d.retire(t)
		}),
	}
}

// untouched asserts that the registry names the old server, that there is no other, and that nobody holds the tenant.
func (d day) untouched(t *testing.T) {
	t.Helper()
	if now := registered(t, d.ID); now.Lease.Holder != "" || now.VPS != d.before.VPS || !slices.Equal(d.servers, servers()) {
		t.Errorf("something was changed: %+v, servers %v", now, servers())
	}
}

// agreed goes on with the password of a rotation.
func (d *day) agreed(t *testing.T) {
	t.Helper()
	book.Lock()
	defer book.Unlock()
	rotated(t, d.MailTenant)
	d.before.CredentialID = registered(t, d.ID).CredentialID
}

// settle asserts that a failed recovery has left the tenant with one server that registry and zone agree about, after the
// clean-up where the run could not do that itself; and that no server is left that nobody knows of. Then the tenant is
// served again.
func (d *day) settle(t *testing.T, r runbook.Result) {
	t.Helper()
	now := registered(t, d.ID)
	if holder := now.Lease.Holder; holder != "" && holder != r.ARN {
		t.Errorf("the lease is held by %s", holder)
	}
	if r.Error == "FailedDirty" || now.Lease.Holder != "" {
		succeeded(t, recoverServer(t, again))
		now = registered(t, d.ID)
	} else if now.VPS != d.before.VPS && !slices.Contains(r.Path, "MoveTenantOfPredecessors") {
		t.Errorf("it ended clean, and the registry says %+v", now.VPS)
	}
	if now.Lease.Holder != "" || len(now.Lease.LeftBehind) > 0 {
		t.Errorf("the lease is %+v", now.Lease)
	}
	changed := now.CredentialID != d.before.CredentialID
	if now.VPS != d.before.VPS {
		if changed {
			d.agreed(t)
		}
		d.moved(t)
		d.retire(t)
		return
	}
	if records := zone(t, d.ID); !slices.Equal(d.zone, records) {
		t.Errorf("the zone says %v, it said %v", records, d.zone)
	}
	for _, s := range servers() {
		if !slices.Contains(d.servers, s) { // mail may have come in there
			d.until(t, s, vps.Off)
			d.delete(t, s)
		}
	}
	d.revive(t)
	if changed { // while the server was off
		succeeded(t, rotate(t, `{"tenant_id":"globex","reason":"the server was off"}`))
		d.agreed(t)
	}
}

// initech is the tenant whose passwords are struck.
var initech *platform.MailTenant

func ownTenant(t *testing.T) *platform.MailTenant {
	t.Helper()
	if initech == nil {
		made, err := w.OnboardMail(t.Context(), "initech")
		if err != nil {
			t.Fatal(err)
		}
		initech = &made
		w.passwords["initech"] = made.Password
		for name, s := range made.Planted {
			w.planted[name] = s
		}
	}
	return initech
}

// passwordWays are those of credential-rotation and credential-compromise, of a tenant of their own.
func passwordWays(t *testing.T) []way {
	made := ownTenant(t)
	renewed := func(t *testing.T, r runbook.Result) {
		succeeded(t, r)
		book.Lock()
		defer book.Unlock()
		rotated(t, made)
	}
	input := ""
	// A clean end has changed nothing. After a dirty one the same start goes on from there.
	healed := func(machine string) func(*testing.T, runbook.Result) {
		return func(t *testing.T, r runbook.Result) {
			if r.Error == "FailedDirty" {
				renewed(t, runMachine(t, machine, input))
				return
			}
			now, err := w.Credential(t.Context(), made.ID)
			if err != nil || now.Password.Reveal() != made.Password.Reveal() {
				t.Errorf("it ended clean, and Vault holds another password, %v", err)
			}
			if err := w.Mail.Client(*made).IMAPS(t.Context()); err != nil {
				t.Errorf("it ended clean, and Vault's password opens nothing: %v", err)
			}
		}
	}
	return []way{
		{
			name: "a password is rotated", machine: "CredentialRotationArn", well: renewed, broken: healed("CredentialRotationArn"),
			prepare: func(*testing.T, string) string {
				input = `{"tenant_id":"initech","reason":"a bad day","requested_by":"mira"}`
				return input
			},
		},
		{
			name: "a leaked password is replaced", machine: "CredentialCompromiseArn", well: renewed, broken: healed("CredentialCompromiseArn"),
			prepare: func(*testing.T, string) string {
				input = fmt.Sprintf(`{"tenant_id":"initech","incident_id":%q,"compromise_details":"a bad day","requested_by":"mira"}`, uuid.NewString())
				return input
			},
		},
	}
}

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

// reconcileWays are those of reconcile-after-restore: the registry names another credential of initech than Vault holds.
func reconcileWays(t *testing.T) []way {
	ownTenant(t)
	// What was started goes on, and what was not is done by hand.
	settled := func(t *testing.T) {
		t.Helper()
		await(t, "the rotations to end", func() bool {
			running, err := w.desk.States.ListExecutions(t.Context(), &sfn.ListExecutionsInput{
				StateMachineArn: aws.String(w.Outputs["CredentialRotationArn"]), StatusFilter: types.ExecutionStatusRunning,
			})
			if err != nil {
				t.Fatal(err)
			}
			return len(running.Executions) == 0
		})
		succeeded(t, rotate(t, `{"tenant_id":"initech","reason":"to be sure"}`))
		rotated(t, initech)
	}
	return []way{{
		name: "a stale credential is rotated", machine: "ReconcileAfterRestoreArn",
		prepare: func(t *testing.T, _ string) string {
			amend(t, "initech", "SET credential_id = :id", map[string]ddbtypes.AttributeValue{":id": &ddbtypes.AttributeValueMemberS{Value: uuid.NewString()}})
			return `{"reason":"a bad day","requested_by":"mira"}`
		},
		well: func(t *testing.T, r runbook.Result) {
			succeeded(t, r)
			if !strings.Contains(field(t, r, "found", "stale"), "initech") {
				t.Errorf("initech was not stale: %s", r.Output)
			}
			settled(t)
		},
		broken: func(t *testing.T, r runbook.Result) {
			if slices.Contains(r.Path, "StartRotations") {
				settled(t)
			}
		},
	}}
}

// amend writes into the registry past everybody.
func amend(t *testing.T, id, expression string, values map[string]ddbtypes.AttributeValue) {
	t.Helper()
	_, err := dynamodb.NewFromConfig(w.AWS).UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
		TableName: aws.String(w.Outputs["TenantsTable"]), Key: record(id), UpdateExpression: &expression, ExpressionAttributeValues: values,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// backstopWays are those of backstop: a recovery was stopped, and holds its tenant's lease. All automation is off, so that
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

// plannedBackupWays are those of vault-backup that change nothing.
func plannedBackupWays(*testing.T) []way {
	return []way{{
		name: "a backup is planned", machine: "VaultBackupArn",
		prepare: func(*testing.T, string) string { return `{"tier":"on-demand","mode":"plan"}` },
		well:    func(t *testing.T, r runbook.Result) { succeeded(t, r) },
		broken:  func(*testing.T, runbook.Result) {},
	}}
}

// joiningWays are those of credential-compromise for a detector's report of what was rotated a moment ago.
func joiningWays(t *testing.T) []way {
	made := ownTenant(t)
	unchanged := func(t *testing.T) {
		t.Helper()
		now, err := w.Credential(t.Context(), made.ID)
		if err != nil || now.Password.Reveal() != made.Password.Reveal() {
			t.Errorf("the password was changed, %v", err)
		}
	}
	return []way{{
		name: "a report joins a rotation", machine: "CredentialCompromiseArn",
		prepare: func(*testing.T, string) string {
			return fmt.Sprintf(`{"tenant_id":"initech","incident_id":%q,"compromise_details":"a bad day","detected":true,"requested_by":"mira"}`, uuid.NewString())
		},
		well: func(t *testing.T, r runbook.Result) {
			succeeded(t, r)
			unchanged(t)
		},
		broken: func(t *testing.T, _ runbook.Result) { unchanged(t) },
	}}
}
