//go:build platform

package suite

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// A password that was rotated after the backup is the old one again in the restored Vault. Nobody is asked: the server gets
// a new one, and Vault holds it.
func TestARestoredVaultAgreesWithTheServers(t *testing.T) {
	acme, input := rotatedAndLost(t)
	r := restore(t, input)
	succeeded(t, r)

	found := reconciled(t, r)
	took(t, found, "Take the request", "FindStaleCredentials", "Anything stale?", "StartRotations", "All started?", "RecordAudit", "AlertOperations", "Succeeded")
	mail(t, w.operations, "credentials_reconciled", found)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	again, err := w.desk.WaitForInput(ctx, w.Outputs["CredentialRotationArn"], `"requested_by":"reconcile-after-restore"`)
	if err != nil {
		t.Fatal(err)
	}
	succeeded(t, again)
	rotated(t, acme)
	by := runMachine(t, "ReconcileAfterRestoreArn", `{"reason":"to be sure","requested_by":"mira"}`)
	succeeded(t, by)
	if slices.Contains(by.Path, "StartRotations") {
		t.Errorf("after the rotation something is stale still: %s", by.Output)
	}
}

// rotatedAndLost rotates a password after a backup, and loses Vault; the input is that of a restore of that backup.
func rotatedAndLost(t *testing.T) (acme *platform.MailTenant, input string) {
	t.Helper()
	acme = mailTenant(t)
	taken := backup(t, `{"tier":"on-demand"}`)
	succeeded(t, taken)
	succeeded(t, rotate(t, `{"tenant_id":"acme","reason":"after the backup"}`))
	rotated(t, acme)
	lose(t)
	return acme, `{"backup_date":"` + field(t, taken, "plan", "slot") + `","reason":"the host burned"}`
}

// A restore died when the node had taken the snapshot, and the node was not wiped, as its cause says, but restored once more:
// it is opened as one that was only sealed. What it does not know is found all the same.
func TestANodeThatWasNotWipedIsHeldAgainstTheServers(t *testing.T) {
	acme, input := rotatedAndLost(t)
	strike(t, w.Faults.Vault, faults.Rule{Caller: "pmdr-seed-vault", Path: "/v1/sys/storage/raft/snapshot-force", Times: 1, Strikes: []faults.Strike{faults.CutAfter}})
	if r := restore(t, input); r.Error != "FailedDirty" {
		t.Fatalf("the first restore: %s", w.desk.Explain(t.Context(), r))
	}
	await(t, "the node has taken the snapshot", func() bool { return w.VaultState(t.Context()) == "sealed" })
	r := restore(t, input)
	succeeded(t, r)
	took(t, collapsed(r, "WaitForLeader", "CheckVaultOpened", "Does Vault lead?"), unsealed...)
	if found := reconciled(t, r); !strings.Contains(field(t, found, "found", "stale"), "acme") {
		t.Errorf("found: %s", found.Output)
	}
	agree(t, acme)
}

// tenRun is what Step Functions says when as many rotations run as may: this one has to wait for the next round.
var tenRun = faults.Answer(http.StatusOK, "application/x-amz-json-1.0", `{"executions":[`+strings.Repeat(`{"status":"RUNNING"},`, 9)+`{"status":"RUNNING"}]}`)

// A rotation that set the password on the server and then lost Vault is known to the server alone: its hash tells. While
// there is no room for its rotation, the runbook waits.
func TestAPasswordThatOnlyTheServerKnowsIsFound(t *testing.T) {
	acme := mailTenant(t)
	w.planted["password that Vault has forgotten"] = secret.New("forgotten-by-the-restored-vault")
	change(t, acme, "forgotten-by-the-restored-vault")
	if err := w.Mail.Client(*acme).IMAPS(t.Context()); err == nil {
		t.Fatal("the server holds Vault's password")
	}
	pace(t, hurried)
	strike(t, w.Faults.AWS, faults.Rule{Caller: "pmdr-start-rotations", Action: "ListExecutions", Times: 1, Strikes: []faults.Strike{tenRun}})
	r := runMachine(t, "ReconcileAfterRestoreArn", `{"reason":"the registry knows nothing of it"}`)
	pace(t, 1)
	succeeded(t, r)
	took(t, r, "Take the request", "FindStaleCredentials", "Anything stale?", "StartRotations", "All started?", "WaitForRotations",
		"StartRotations", "All started?", "RecordAudit", "AlertOperations", "Succeeded")
	if !strings.Contains(field(t, r, "found", "stale"), "acme") || registered(t, "acme").StaleSince.IsZero() {
		t.Fatalf("found: %s", r.Output)
	}
	agree(t, acme)
	by := runMachine(t, "ReconcileAfterRestoreArn", `{"again":true,"reason":"to be sure"}`)
	succeeded(t, by)
	if now := registered(t, "acme"); !now.StaleSince.IsZero() {
		t.Errorf("acme is in doubt since %v: %s", now.StaleSince, by.Output)
	}
}

// change makes the administrator's password on the server another one, by hand.
func change(t *testing.T, mail *platform.MailTenant, password string) {
	t.Helper()
	at := registered(t, mail.ID)
	url := fmt.Sprintf("http://%s:8080/api/v1/user/admin@%s", at.VPS.IP, at.Domains[0])
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, url, strings.NewReader(`{"raw_password":"`+password+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+mail.Planted[mail.ID+"/mailu_api token"].Reveal())
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("PATCH %s: %s", url, response.Status)
	}
}

// agree waits until the server, Vault and the registry hold one password, another than before.
func agree(t *testing.T, mail *platform.MailTenant) {
	t.Helper()
	await(t, "they agree again", func() bool {
		now, err := w.Credential(t.Context(), mail.ID)
		if err != nil || now.Password.Reveal() == mail.Password.Reveal() || registered(t, mail.ID).CredentialID != now.ID {
			return false
		}
		fresh := *mail
		fresh.Password = now.Password
		return w.Mail.Client(fresh).IMAPS(t.Context()) == nil
	})
	rotated(t, mail)
}

// A server that does not answer is named, and looked at again by itself, without telling anybody the same thing every hour.
func TestAServerThatDoesNotAnswerIsNotForgotten(t *testing.T) {
	mailTenant(t)
	id := unserved(t, "silent", 1)[0]
	defer abort(t, id)
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	like, err := client.KVv2("smtp").Get(t.Context(), "acme/admin")
	if err != nil {
		t.Fatal(err)
	}
	own := maps.Clone(like.Data)
	own["credential_id"] = registered(t, id).CredentialID
	sealed, err := client.Logical().WriteWithContext(t.Context(), "transit/encrypt/smtp", map[string]any{
		"plaintext":       base64.StdEncoding.EncodeToString([]byte("of nobody's mailbox")),
		"context":         base64.StdEncoding.EncodeToString([]byte(id)),
		"associated_data": base64.StdEncoding.EncodeToString([]byte(fmt.Sprint(own["credential_id"]))),
	})
	if err != nil {
		t.Fatal(err)
	}
	own["password"] = sealed.Data["ciphertext"]
	if _, err := client.KVv2("smtp").Put(t.Context(), id+"/admin", own); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.KVv2("smtp").DeleteMetadata(context.WithoutCancel(t.Context()), id+"/admin"); err != nil {
			t.Error(err)
		}
	})
	r := runMachine(t, "ReconcileAfterRestoreArn", `{"reason":"a server is silent","requested_by":"mira"}`)
	succeeded(t, r)
	if m := mail(t, w.operations, "credentials_reconciled", r); !strings.Contains(m.Message, id) || !strings.Contains(m.Message, "see to the servers that do not answer") {
		t.Errorf("the operators read\n%s", m.Message)
	}
	since := registered(t, id).StaleSince
	if since.IsZero() {
		t.Fatal("the registry does not know that it is in doubt")
	}
	automatic(t)
	at := time.Now().Add(11 * time.Minute)
	if swept := sweep(t, at); !swept.LookingAgain {
		t.Errorf("swept %+v", swept)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	further, err := w.desk.WaitForInput(ctx, w.Outputs["ReconcileAfterRestoreArn"], `"reason":"not seen to agree"`)
	if err != nil {
		t.Fatal(err)
	}
	succeeded(t, further)
	took(t, further, "Take the request", "FindStaleCredentials", "Anything stale?", "Anything to tell?", "Succeeded")
	if swept := sweep(t, at); swept.LookingAgain {
		t.Errorf("twice within the hour: %+v", swept)
	}
	if now := registered(t, id).StaleSince; !now.Equal(since) {
		t.Errorf("in doubt since %v, not %v", now, since)
	}
}
