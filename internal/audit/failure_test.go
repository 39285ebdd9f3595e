package audit

import (
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Every failed execution says what comes next, whoever made the fault.
func TestASentenceSaysWhatComesNext(t *testing.T) {
	for name, tt := range map[string]struct {
		failure Failure
		want    string
	}{
		"a step":    {Failure{"VaultSealed", `{"errorMessage":"pmdr-x: sealed. Next: unseal it"}`}, "VaultSealed: pmdr-x: sealed. Next: unseal it"},
		"a machine": {Failure{"DNSNotVisible", "forty looks"}, "DNSNotVisible: forty looks. Next: " + fault.DNSNotVisible.Next()},
		"AWS":       {Failure{"Runtime.ExitError", `{"errorMessage":"It exited."}`}, "Runtime.ExitError: It exited. Next: " + nextOfOthers},
		"nobody":    {Failure{"States.Timeout", ""}, "States.Timeout: no text. Next: " + nextOfOthers},
	} {
		if got := tt.failure.Sentence(); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if strings.Count(tt.failure.Sentence(), "Next: ") != 1 {
			t.Errorf("%s: %q does not say it once", name, tt.failure.Sentence())
		}
	}
}
