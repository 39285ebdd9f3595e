package lint

import (
	"encoding/json"
	"strings"
	"testing"
)

// Who fetches the validator gets these very bytes, wherever from.
func TestTheLockPinsContentAndNoPlace(t *testing.T) {
	var lock struct {
		Packages map[string]struct{ Version, Integrity, Resolved string }
	}
	if err := json.Unmarshal(aslLock, &lock); err != nil {
		t.Fatal(err)
	}
	if got := lock.Packages["node_modules/asl-validator"].Version; got != "4.0.0" {
		t.Errorf("asl-validator is locked at %q", got)
	}
	for name, p := range lock.Packages {
		if name == "" {
			continue // the folder itself
		}
		if !strings.HasPrefix(p.Integrity, "sha512-") || p.Resolved != "" {
			t.Errorf("%s has the hash %q and comes from %q", name, p.Integrity, p.Resolved)
		}
	}
}

func TestEverySubstitutionBecomesAnARN(t *testing.T) {
	got := string(fill([]byte(`{"Resource": "${SnapshotVaultFunctionArn}", "Variable": "$.plan.slot"}`)))
	want := `{"Resource": "arn:aws:lambda:us-east-1:123456789012:function:SnapshotVaultFunctionArn", "Variable": "$.plan.slot"}`
	if got != want {
		t.Errorf("got %s", got)
	}
}
