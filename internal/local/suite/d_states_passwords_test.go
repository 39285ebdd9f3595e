//go:build platform

package suite

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// book guards what the world remembers (passwords, secrets) where groups of ways are at work at the same time.
var book sync.Mutex

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
