//go:build platform

package suite

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

var rotating = []string{
	"Take the request", "StageCredentials", "Is the server there?", "SetCredentials", "TestCredentials", "CommitCredentials", "StartBackup", "RecordAudit",
	"AlertOperations", "Succeeded",
}

func rotate(t *testing.T, input string) runbook.Result {
	return runMachine(t, "CredentialRotationArn", input)
}

// rotated sees that the tenant has another password since, that the former one opens nothing, and that Vault, the registry
// and the server agree; then the tests go on with the new one.
func rotated(t *testing.T, mail *platform.MailTenant) {
	t.Helper()
	ctx := t.Context()
	now, err := w.Credential(ctx, mail.ID)
	if err != nil {
		t.Fatal(err)
	}
	if now.Password.Reveal() == mail.Password.Reveal() || len(now.Password.Reveal()) != 64 {
		t.Fatal("Vault holds no new password of 64 characters")
	}
	if named := registered(t, mail.ID).CredentialID; named != now.ID {
		t.Errorf("the registry names %s, Vault holds %s", named, now.ID)
	}
	former := w.Mail.Client(*mail)
	w.planted[fmt.Sprintf("former password %d of %s", len(w.planted), mail.ID)] = mail.Password
	mail.Password, w.passwords[mail.ID] = now.Password, now.Password
	if err := w.Mail.Client(*mail).All(ctx); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	for way, try := range map[string]func(context.Context) error{
		"IMAPS": former.IMAPS, "submission at 465": former.SMTPS, "submission at 587": former.STARTTLS, "webmail": former.Webmail,
	} {
		if err := try(ctx); err == nil {
			t.Errorf("%s takes the former password", way)
		}
	}
	readable(t, mail.ID)
}

// readable sees that of all versions of the tenant's credentials the current one alone can be read, also among the pending.
func readable(t *testing.T, tenantID string) {
	t.Helper()
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, path := range []string{tenantID + "/admin", tenantID + "/admin-pending"} {
		versions, err := client.KVv2("smtp").GetVersionsAsList(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range versions {
			if !v.Destroyed {
				left++
			}
		}
	}
	if left != 1 {
		t.Errorf("%d versions can be read", left)
	}
}

func TestRotation(t *testing.T) {
	tenant := mailTenant(t)
	r := rotate(t, `{"tenant_id":"acme","incident_id":"INC-2026-11","reason":"a laptop was lost","requested_by":"mira"}`)
	succeeded(t, r)
	took(t, r, rotating...)
	t.Logf("rotated in %.1f s, safe after %s s", r.Seconds(), field(t, r, "tested", "safe_seconds"))
	rotated(t, tenant)
	for path, want := range map[string]string{
		"imaps": "accepted", "submission": "accepted",
	} {
		if got := field(t, r, "tested", "new", path); got != want {
			t.Errorf("%s says %q to the new password", path, got)
		}
		if got := field(t, r, "tested", "former", path); got != "refused" {
			t.Errorf("%s says %q to the former password", path, got)
		}
	}
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	about, err := client.KVv2("smtp").GetMetadata(t.Context(), "acme/admin")
	if err != nil {
		t.Fatal(err)
	}
	// The version that leaked is the one before the current.
	leaked := fmt.Sprintf("compromised.v%d", about.CurrentVersion-1)
	if note := fmt.Sprint(about.CustomMetadata[leaked]); !strings.HasPrefix(note, "INC-2026-11|mira|") {
		t.Errorf("Vault remembers %q of %s", note, leaked)
	}
	if m := mail(t, w.operations, "credentials_rotated", r); !strings.Contains(m.Message, "On the server:         yes") {
		t.Errorf("the operators read\n%s", m.Message)
	}
	if !slices.ContainsFunc(records(t), func(a audit.Record) bool {
		return a.Event == audit.CredentialsRotated && a.TenantID == "acme" && strings.Contains(string(a.Details), "INC-2026-11")
	}) {
		t.Error("the audit trail does not know of the rotation")
	}
}

// A run that is stopped between set and commit has left the tenant with a password that Vault holds as pending alone: the
// next one commits that very password.
func TestRotationThatWasStoppedIsFinished(t *testing.T) {
	tenant := mailTenant(t)
	started := make(chan string, 1)
	stopped := make(chan error, 1)
	// SetCredentials looks, changes and looks; the third look is that of TestCredentials.
	rule := w.Faults.Mailu.Add(faults.Rule{
		Method: "GET", Path: "/api/v1/user/admin@acme", Skip: 2, Times: 1,
		Strikes: []faults.Strike{faults.Before(func() {
			_, err := w.desk.States.StopExecution(context.WithoutCancel(t.Context()), &sfn.StopExecutionInput{ExecutionArn: aws.String(<-started)})
			stopped <- err
		})},
	})
	t.Cleanup(rule.Remove)
	arn, err := w.desk.Start(t.Context(), w.Outputs["CredentialRotationArn"], `{"tenant_id":"acme","reason":"to be stopped"}`)
	if err != nil {
		t.Fatal(err)
	}
	started <- arn
	select {
	case err := <-stopped:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the run has not come to its test")
	}
	first, err := w.desk.Wait(t.Context(), arn)
	if err != nil || first.Status != types.ExecutionStatusAborted || slices.Contains(first.Path, "CommitCredentials") {
		t.Fatalf("the run is %s after %q, %v", first.Status, first.Path, err)
	}
	if err := w.Mail.Client(*tenant).IMAPS(t.Context()); err == nil {
		t.Error("the former password still opens the mailbox")
	}
	if m := mail(t, w.operations, "execution_failed", first); !strings.Contains(m.Message, "Next: start credential-rotation") {
		t.Errorf("the operators read\n%s", m.Message)
	}

	second := rotate(t, `{"tenant_id":"acme","reason":"to finish it"}`)
	succeeded(t, second)
	if field(t, second, "staged", "taken_over") != "true" || field(t, second, "set", "changed") != "false" {
		t.Errorf("the second run began anew: %s", second.Output)
	}
	rotated(t, tenant)
}

func TestRotationRefused(t *testing.T) {
	tenant := mailTenant(t)
	for name, tt := range map[string]struct{ input, fault string }{
		"no reason":     {`{"tenant_id":"acme"}`, "InvalidInput"},
		"unknown field": {`{"tenant_id":"acme","reason":"x","password":"x"}`, "InvalidInput"},
		"twice":         {`{"tenant_id":"acme","reason":"x","tenant_id":"acme"}`, "InvalidInput"},
		"nobody":        {`{"tenant_id":"nobody","reason":"x"}`, "TenantUnknown"},
	} {
		t.Run(name, func(t *testing.T) {
			ended(t, rotate(t, tt.input), "FailedClean", tt.fault, "Take the request", "StageCredentials", "RecordAuditFailure",
				"AlertSecurityOfFailure", "AlertOperationsOfFailure", "Clean or dirty?", "FailedClean")
		})
	}
	if err := w.Mail.Client(*tenant).IMAPS(t.Context()); err != nil {
		t.Errorf("the password was touched: %v", err)
	}
}
