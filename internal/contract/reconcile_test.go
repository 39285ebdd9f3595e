package contract

import (
	"reflect"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/restore"
)

// A plan and a mere unsealing succeed as well, and there is nothing to reconcile after them: the rule waits for an output
// that holds what only the proof of a restore says.
func TestOnlyAProvedRestoreIsReconciled(t *testing.T) {
	r := properties[struct {
		EventPattern struct {
			Detail struct {
				Status []string
				Output []struct{ Wildcard string }
			}
		}
	}](t, readTemplate(t), "RestoredVault").EventPattern.Detail
	if len(r.Output) != 1 || len(r.Status) != 1 || r.Status[0] != "SUCCEEDED" {
		t.Fatalf("the rule waits for %+v", r)
	}
	field := strings.Trim(r.Output[0].Wildcard, `*"`)
	if r.Output[0].Wildcard != `*"`+field+`"*` {
		t.Errorf("the rule waits for %q, which is no field", r.Output[0].Wildcard)
	}
	if _, ok := written(reflect.TypeFor[restore.Proof]())[field]; !ok {
		t.Errorf("the proof has no %q", field)
	}
	for step, p := range payloads {
		if _, ok := written(p.out)[field]; ok && step != "verify-secrets" {
			t.Errorf("%s says %q too", step, field)
		}
	}
}
