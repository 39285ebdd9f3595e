//go:build platform

package suite

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/routine"
)

// A password reaches its age: the tenant is told once, a week before, and on the day it is rotated. The rule that would ask
// every hour is off by default; here its hours are sent.
func TestARoutineRotation(t *testing.T) {
	acme := mailTenant(t)
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	found, err := client.KVv2("smtp").Get(t.Context(), "acme/admin")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := found.Data["last_rotated"].(string)
	rotatedAt, err := time.Parse(time.RFC3339, text)
	if err != nil || found.Data["rotation_policy"] != "180d" {
		t.Fatalf("the credential is of %q, policy %v", text, found.Data["rotation_policy"])
	}
	due := func(at time.Time) (swept routine.Swept) {
		t.Helper()
		if err := w.Invoke(t.Context(), "sweep-credentials", routine.Input{ScheduledTime: at}, &swept); err != nil {
			t.Fatal(err)
		}
		return swept
	}
	const day = 24 * time.Hour
	week := rotatedAt.Add(174 * day)
	if got := due(week); !got.Held {
		t.Errorf("automation is stopped: %+v", got)
	}
	automatic(t)
	if got := due(rotatedAt.Add(day)); got.Held || got.Announced+got.Started != 0 {
		t.Errorf("a day after its rotation: %+v", got)
	}
	if got := due(week); got.Announced == 0 || got.Started != 0 {
		t.Errorf("a week before: %+v", got)
	}
	if got := due(week.Add(time.Hour)); got.Announced+got.Started != 0 {
		t.Errorf("an hour later: %+v", got)
	}
	at := registered(t, "acme").RotationDue
	if m := told(t, w.tenants, "credential_rotation_ahead", at.Format("2006-01-02")); m.Attributes["tenant_id"] != "acme" {
		t.Errorf("told was %v", m.Attributes)
	}
	if got := due(at); got.Started == 0 {
		t.Errorf("on the day: %+v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := w.desk.WaitForInput(ctx, w.Outputs["CredentialRotationArn"], `"requested_by":"sweep-credentials"`)
	if err != nil {
		t.Fatal(err)
	}
	succeeded(t, r)
	rotated(t, acme)
	if m := mail(t, w.operations, "credentials_rotated", r); !strings.Contains(m.Message, "routine, due "+at.Format("2006-01-02")) {
		t.Errorf("the operators read\n%s", m.Message)
	}
}
