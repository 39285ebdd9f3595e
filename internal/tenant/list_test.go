package tenant

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

func TestTenantsAreListedMostUrgentFirst(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		var want []string
		for i := range 10 {
			d := acme()
			d.ID, d.Priority = fmt.Sprintf("tenant-%d", i), 9-i/2
			if _, err := w.registrar().Register(t.Context(), Registration{Description: d}); err != nil {
				t.Fatal(err)
			}
			want = append(want, fmt.Sprintf("%d %s", d.Priority, d.ID))
		}
		b := w.budget(5, 5)
		if v, err := b.Take(t.Context(), "tenant-3", arn("one")); err != nil || v != Granted {
			t.Fatal(v, err)
		}
		if err := b.Turn(t.Context(), Switch{Reason: "r", By: "Ada"}); err != nil {
			t.Fatal(err)
		}
		tenants, err := List{w.db, w.table}.Tenants(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, tenant := range tenants {
			got = append(got, fmt.Sprintf("%d %s", tenant.Priority, tenant.ID))
		}
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestOneBrokenRecordDoesNotHideTheOthers(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		for id, set := range map[string]string{"broken": "SET #hostname = :number", "empty": "SET #suppressed = :number"} {
			set := &dynamodb.UpdateItemInput{TableName: &w.table, Key: itemKey(id), UpdateExpression: &set, ExpressionAttributeNames: names(set)}
			var err error
			if set.ExpressionAttributeValues, err = (values{"number": 7}).encode(); err != nil {
				t.Fatal(err)
			}
			if _, err := w.db.UpdateItem(t.Context(), set); err != nil {
				t.Fatal(err)
			}
		}
		tenants, err := List{w.db, w.table}.Tenants(t.Context())
		wants(t, err, fault.Unexpected)
		if len(tenants) != 1 || tenants[0].ID != "acme" {
			t.Errorf("got %v", tenants)
		}
		if err == nil || !strings.Contains(err.Error(), "tenant broken") || !strings.Contains(err.Error(), "tenant empty") {
			t.Errorf("the error names not both: %v", err)
		}
	})
}
