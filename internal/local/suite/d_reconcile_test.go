//go:build platform

package suite

import (
	"context"
	"slices"
	"testing"
	"time"
)

// A password that was rotated after the backup is the old one again in the restored Vault. Nobody is asked: the server gets
// a new one, and Vault holds it.
func TestARestoredVaultAgreesWithTheServers(t *testing.T) {
	acme := mailTenant(t)
	taken := backup(t, `{"tier":"on-demand"}`)
	succeeded(t, taken)
	succeeded(t, rotate(t, `{"tenant_id":"acme","reason":"after the backup"}`))
	rotated(t, acme)
	lose(t)
	r := restore(t, `{"backup_date":"`+field(t, taken, "plan", "slot")+`","reason":"the host burned"}`)
	succeeded(t, r)

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	found, err := w.desk.WaitForInput(ctx, w.Outputs["ReconcileAfterRestoreArn"], r.ARN)
	if err != nil {
		t.Fatal(err)
	}
	succeeded(t, found)
	took(t, found, "Take the request", "FindStaleCredentials", "Anything stale?", "StartRotations", "RecordAudit", "AlertOperations", "Succeeded")
	mail(t, w.operations, "credentials_reconciled", found)
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
