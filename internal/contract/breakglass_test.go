package contract

import (
	"strings"
	"testing"
)

// Whoever may have a data key made for a backup seals one, and is told for whom it is sealed besides KMS: a backup that
// the break-glass kit does not open is found out on the day when it is needed.
func TestWhoSealsSealsForBreakGlass(t *testing.T) {
	tm := readTemplate(t)
	sealers := holders(grants(t, tm), is("kms:GenerateDataKey"), is("${BackupKey.Arn}"))
	if len(sealers) < 2 {
		t.Errorf("only %v may seal", sealers)
	}
	for _, role := range sealers {
		function := properties[function](t, tm, strings.TrimSuffix(role, "Role")+"Function")
		if function.Environment.Variables["BREAK_GLASS_RECIPIENT"] != "${BreakGlassRecipient}" {
			t.Errorf("%s may seal backups, and its function is not given BreakGlassRecipient", role)
		}
	}
}
