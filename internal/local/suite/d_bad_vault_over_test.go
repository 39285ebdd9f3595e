//go:build platform

package suite

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	restoring "github.com/penguinmails/disaster-recovery/internal/restore"
)

// A live Vault that refuses a snapshot, or takes it and stays what it was, is not proved; what it held is kept, and it still
// holds it.
func TestALiveVaultThatDoesNotBecomeTheSnapshot(t *testing.T) {
	pace(t, 0)
	t.Cleanup(func() { pace(t, 1) })
	taken := backup(t, `{"tier":"on-demand"}`)
	succeeded(t, taken)
	slot := field(t, taken, "plan", "slot")
	fed := over[:slices.Index(over, "RestoreSnapshot")+1]
	unproved := slices.Concat([]string{"The node is half made"}, failed, []string{"Clean or dirty?", "FailedDirty"})
	for name, tt := range map[string]struct {
		answer faults.Strike
		path   []string
	}{
		"it refuses":         {faults.Answer(http.StatusBadRequest, "application/json", `{"errors":["could not verify hash file"]}`), slices.Concat(fed, unproved)},
		"it stays as it was": {faults.Answer(http.StatusNoContent, "", ""), slices.Concat(fed, applying, []string{"Snapshot not applied"}, unproved)},
	} {
		t.Run(name, func(t *testing.T) {
			proposal := restoring.Proposal{BackupDate: slot, RequestedBy: "mira", ApprovedBy: "ines", Reason: "to see it fail"}
			if _, err := approve(t, proposal); err != nil {
				t.Fatal(err)
			}
			strike(t, w.Faults.Vault, faults.Rule{
				Caller: "pmdr-restore-snapshot", Path: "/v1/sys/storage/raft/snapshot", Strikes: []faults.Strike{tt.answer},
			})
			r := restore(t, fmt.Sprintf(`{"backup_date":%q,"requested_by":"mira"}`, slot))
			ended(t, collapsed(r, applying...), "FailedDirty", "RestoreInterrupted", tt.path...)
			if m := mail(t, w.operations, "vault_restore_failed", r).Message; !strings.Contains(m, "kept as the backup pre-restore/") {
				t.Errorf("notice:\n%s", m)
			}
			holds(t, w.passwords)
		})
	}
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.KVv2("dr").DeleteMetadata(t.Context(), "restore-marker"); err != nil {
		t.Fatal(err)
	}
}
