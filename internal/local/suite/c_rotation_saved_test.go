//go:build platform

package suite

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// Of several changes within five minutes the first alone starts a backup; the others are in one that the sweep starts.
func TestEveryRotationIsBackedUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	acme := mailTenant(t)
	for range 3 { // two of them within the same five minutes
		r := rotate(t, `{"tenant_id":"acme","reason":"once more"}`)
		succeeded(t, r)
		rotated(t, acme)
		if field(t, r, "backup", "started") == "false" {
			break
		}
	}
	sweep(t, time.Now().Add(5*time.Minute))
	at, err := tenant.Registry{Database: dynamodb.NewFromConfig(w.AWS), Table: w.Outputs["TenantsTable"]}.Unsaved(t.Context())
	if err != nil || !at.IsZero() {
		t.Errorf("the change of %v is in no backup, %v", at, err)
	}
	saved, err := w.desk.WaitForInput(ctx, w.Outputs["VaultBackupArn"], `"requested_by":"sweep-tenants"`)
	if err != nil {
		t.Fatal(err)
	}
	succeeded(t, saved)
}
