//go:build platform

package suite

import (
	"strings"
	"sync"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// heldRestore starts a restore that stands still, before it has touched anything, until the returned function lets it go on.
func heldRestore(t *testing.T) (arn string, over func() runbook.Result) {
	t.Helper()
	begun, release := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(release) })
	t.Cleanup(once)
	rule := w.Faults.AWS.Add(faults.Rule{Caller: "pmdr-select-backup", Times: 1, Strikes: []faults.Strike{faults.Before(func() {
		close(begun)
		select {
		case <-release:
		case <-t.Context().Done():
		}
	})}})
	t.Cleanup(rule.Remove)
	arn, err := w.desk.Start(t.Context(), w.Outputs["VaultRestoreArn"], `{"backup_date":"2019-01-01","requested_by":"mira"}`)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-begun:
	case <-t.Context().Done():
		t.Fatal("the restore does not begin")
	}
	return arn, func() runbook.Result {
		t.Helper()
		once()
		r, err := w.desk.Wait(t.Context(), arn)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

// What is written to a Vault that is being restored is lost: whoever asks for a rotation or a recovery is told so at once, and
// what would start by itself waits. Afterwards the same start goes through.
func TestARestoreHoldsRotationsAndRecoveries(t *testing.T) {
	acme := mailTenant(t)
	arn, over := heldRestore(t)
	held := map[string]runbook.Result{
		"rotation":   rotate(t, `{"tenant_id":"acme","reason":"during a restore"}`),
		"compromise": respond(t, `{"tenant_id":"acme","incident_id":"INC-HELD","compromise_details":"on a paste site","requested_by":"mira"}`),
		"recovery":   runMachine(t, "VpsRecoveryArn", `{"tenant_id":"acme","reason":"during a restore","force":true}`),
	}
	for name, r := range held {
		if r.Error != "FailedClean" || !strings.HasPrefix(r.Cause, "RestoreUnderway: ") || !strings.Contains(r.Cause, arn) ||
			!strings.Contains(r.Cause, "Next: watch the vault-restore that is named here to its end") {
			t.Errorf("%s: %s", name, w.desk.Explain(t.Context(), r))
		}
	}
	if m := mail(t, w.security, "credential_compromise_failed", held["compromise"]); !strings.Contains(m.Message, arn) || !strings.Contains(m.Message, "STILL OPENS THE MAILBOX") {
		t.Errorf("the security team reads\n%s", m.Message)
	}
	automatic(t)
	at, err := rings(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if m := notStarted(t, at); !strings.Contains(m.Message, "Vault is being restored; this one starts by itself after that.") {
		t.Errorf("the operators read\n%s", m.Message)
	}
	if err := w.Mail.Client(*acme).IMAPS(t.Context()); err != nil {
		t.Errorf("the password was touched: %v", err)
	}
	if r := over(); !strings.HasPrefix(r.Cause, "BackupNotFound") {
		t.Errorf("the restore: %s", w.desk.Explain(t.Context(), r))
	}
	succeeded(t, respond(t, `{"tenant_id":"acme","incident_id":"INC-HELD","compromise_details":"on a paste site","requested_by":"mira"}`))
	rotated(t, acme)
}
