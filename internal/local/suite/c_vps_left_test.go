//go:build platform

package suite

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// serving is the provider's number of the server that the registry names.
func serving(t *testing.T, tenantID string) int64 {
	t.Helper()
	id, err := strconv.ParseInt(registered(t, tenantID).VPS.ID, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// alive lists the servers that run.
func alive() (ids []int64) {
	for _, s := range w.Mail.Provider.Servers() {
		if s.Status != "off" {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// stopAt starts a recovery and stops it, as a person does, when it has entered the state.
func stopAt(t *testing.T, input, state string) runbook.Result {
	t.Helper()
	arn, err := w.desk.Start(t.Context(), w.Outputs["VpsRecoveryArn"], input)
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the recovery to enter "+state, func() bool {
		events, err := w.desk.Events(t.Context(), arn)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(events, func(e types.HistoryEvent) bool {
			return e.StateEnteredEventDetails != nil && aws.ToString(e.StateEnteredEventDetails.Name) == state
		})
	})
	if _, err := w.desk.States.StopExecution(t.Context(), &sfn.StopExecutionInput{ExecutionArn: &arn}); err != nil {
		t.Fatal(err)
	}
	r, err := w.desk.Wait(t.Context(), arn)
	if err != nil || r.Status != types.ExecutionStatusAborted {
		t.Fatalf("the stopped execution is %s, %v", r.Status, err)
	}
	return r
}

var executionLine = regexp.MustCompile(`(?m)^Execution: +(\S+)$`)

// onlyCleanUps lets the backstop start clean-ups until the test ends, and nobody recoveries of acme.
func onlyCleanUps(t *testing.T) {
	t.Helper()
	set(t, tenant.Setting{TenantID: "acme", Stopped: true})
	t.Cleanup(func() { set(t, tenant.Setting{TenantID: "acme"}) })
	automatic(t)
}

// cleanedUp waits until the backstop has had the remains of r cleaned up, and gives the execution that did it.
func cleanedUp(t *testing.T, r runbook.Result) runbook.Result {
	t.Helper()
	if m := mail(t, w.security, "execution_failed", r); !strings.Contains(m.Message, "being cleaned up now") || !strings.Contains(m.Subject, "ABORTED") {
		t.Errorf("the backstop said\n%s", m.Message)
	}
	m := mail(t, w.operations, "vps_recovery_cleaned_up", r)
	by := executionLine.FindStringSubmatch(m.Message)
	if by == nil {
		t.Fatalf("the notice names no execution:\n%s", m.Message)
	}
	done, err := w.desk.Wait(t.Context(), by[1])
	if err != nil {
		t.Fatal(err)
	}
	succeeded(t, done)
	if !slices.ContainsFunc(records(t), func(a audit.Record) bool {
		return a.Event == audit.ExecutionFailed && a.TenantID == "acme" && strings.Contains(string(a.Details), "ABORTED")
	}) {
		t.Error("the audit trail does not know of the stopped execution")
	}
	if now := registered(t, "acme"); now.Lease.Holder != "" || len(now.Lease.LeftBehind) > 0 {
		t.Errorf("after the clean-up the lease is %+v", now.Lease)
	}
	return done
}

var cleaning = []string{"Take the request", "LockTenant", "Anything left behind?", "UpdateDnsBackOfPredecessors", "Had it arrived?"}

func TestARebootComesFirst(t *testing.T) {
	acme := mailTenant(t)
	before := registered(t, "acme")
	if err := w.Mail.Provider.Crash(serving(t, "acme"), true); err != nil {
		t.Fatal(err)
	}
	r := recoverServer(t, `{"tenant_id":"acme","reason":"vps_failure"}`)
	succeeded(t, r)
	took(t, straight(r), slices.Concat(looked, rebooted,
		[]string{"The reboot helped", "LockTenantAfterReboot", "SetCredentialsAfterReboot", "UnlockTenantNotNeeded", "RecordAuditNotNeeded", "AlertOperationsNotNeeded", "Succeeded"})...)
	if now := registered(t, "acme"); now.VPS != before.VPS || now.Lease.Holder != "" {
		t.Errorf("the registry says %+v", now)
	}
	if err := w.Mail.Client(*acme).IMAPS(t.Context()); err != nil {
		t.Errorf("a mail program, after the reboot: %v", err)
	}
	if m := mail(t, w.operations, "vps_recovery_not_needed", r); !strings.Contains(m.Subject, "REBOOT") {
		t.Errorf("notice: %s", m.Subject)
	}
}

// A password that leaked was rotated while the server was off: it must not come back with the server.
func TestAServerThatComesBackHasTheNewPassword(t *testing.T) {
	acme := mailTenant(t)
	console, err := w.Mail.Console()
	if err != nil {
		t.Fatal(err)
	}
	if err := console.PowerOff(t.Context(), serving(t, "acme")); err != nil {
		t.Fatal(err)
	}
	await(t, "the server to be off", func() bool { return !slices.Contains(alive(), serving(t, "acme")) })
	away := rotate(t, `{"tenant_id":"acme","reason":"it leaked"}`)
	succeeded(t, away)
	if field(t, away, "committed", "installed") != "false" {
		t.Fatalf("a server that is off was given a password: %s", away.Output)
	}
	r := recoverServer(t, `{"tenant_id":"acme","reason":"it is off"}`)
	succeeded(t, r)
	if !slices.Contains(r.Path, "The reboot helped") {
		t.Errorf("the path is %v", r.Path)
	}
	rotated(t, acme)
}

// Nobody who used the new server is there yet: it goes, and the old one serves again once somebody switches it on.
func TestWhatAStoppedRunBuiltGoes(t *testing.T) {
	acme := mailTenant(t)
	onlyCleanUps(t)
	before, records, servers := registered(t, "acme"), zone(t, "acme"), len(w.Mail.Provider.Servers())
	stopped := stopAt(t, `{"tenant_id":"acme","reason":"a mistake","force":true}`, "WaitForMailu")
	done := cleanedUp(t, stopped)
	took(t, done, slices.Concat(cleaning, []string{"DestroyVpsOfPredecessors", "Only clean up?", "UnlockTenantCleanedUp",
		"RecordAuditCleanedUp", "AlertOperationsCleanedUp", "Succeeded"})...)
	if now := registered(t, "acme"); now.VPS != before.VPS {
		t.Errorf("the registry says %+v", now.VPS)
	}
	if now := zone(t, "acme"); !slices.Equal(now, records) {
		t.Errorf("the zone says %v, it said %v", now, records)
	}
	await(t, "the new server to be gone", func() bool { return len(w.Mail.Provider.Servers()) == servers })
	r := recoverServer(t, `{"tenant_id":"acme","reason":"it is off"}`)
	succeeded(t, r)
	if err := w.Mail.Client(*acme).IMAPS(t.Context()); err != nil || !slices.Contains(r.Path, "The reboot helped") {
		t.Errorf("a mail program, after the old server was started: %v; path %v", err, r.Path)
	}
}

// Mail arrives at the new server already, and the old one is off: going back would lose it.
func TestAMoveThatTheWorldHasSeenIsFinished(t *testing.T) {
	acme := mailTenant(t)
	onlyCleanUps(t)
	before := registered(t, "acme")
	stopped := stopAt(t, `{"tenant_id":"acme","reason":"a mistake","force":true}`, "WaitForDns")
	done := cleanedUp(t, stopped)
	took(t, done, slices.Concat(cleaning, []string{"MoveTenantOfPredecessors", "LockTenantAgain", "DestroyVpsOfPredecessors",
		"Only clean up?", "UnlockTenantCleanedUp", "RecordAuditCleanedUp", "AlertOperationsCleanedUp", "Succeeded"})...)
	now := registered(t, "acme")
	if now.VPS.ID == before.VPS.ID || now.HostKey == before.HostKey || now.Generation != before.Generation+1 {
		t.Errorf("the registry says %+v", now)
	}
	if err := w.Mail.Client(*acme).IMAPS(t.Context()); err != nil {
		t.Errorf("a mail program, through DNS: %v", err)
	}
	if live := alive(); !slices.Equal(live, []int64{serving(t, "acme")}) {
		t.Errorf("alive are the servers %v, the registry names %d", live, serving(t, "acme"))
	}
}
