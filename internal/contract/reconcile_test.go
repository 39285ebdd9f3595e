package contract

import (
	"reflect"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/restore"
)

// A plan succeeds as well, and there is nothing to reconcile after it: the rule waits for an output that holds what only the
// proof of a restore says, or only the step that opens Vault.
func TestOnlyAVaultThatIsBackIsReconciled(t *testing.T) {
	r := properties[struct {
		EventPattern struct {
			Detail struct {
				Status []string
				Output []struct{ Wildcard string }
			}
		}
	}](t, readTemplate(t), "RestoredVault").EventPattern.Detail
	if len(r.Output) != 2 || len(r.Status) != 1 || r.Status[0] != "SUCCEEDED" {
		t.Fatalf("the rule waits for %+v", r)
	}
	for i, says := range []struct {
		step   string
		output reflect.Type
	}{
		{"verify-secrets", reflect.TypeFor[restore.Proof]()},
		{"unseal-vault", reflect.TypeFor[restore.Unsealed]()},
	} {
		field := strings.Trim(r.Output[i].Wildcard, `*"`)
		if r.Output[i].Wildcard != `*"`+field+`"*` {
			t.Errorf("the rule waits for %q, which is no field", r.Output[i].Wildcard)
		}
		if _, ok := written(says.output)[field]; !ok {
			t.Errorf("%s does not say %q", says.step, field)
		}
		for step, p := range payloads {
			if _, ok := written(p.out)[field]; ok && step != says.step {
				t.Errorf("%s says %q too", step, field)
			}
		}
	}
}
