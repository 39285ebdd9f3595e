package restore

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/approval"
	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

// asking is a step for a live Vault that holds one secret more than the backup.
func asking(t *testing.T) (Asker, *vaulttest.Node, *consent, ConsentInput) {
	t.Helper()
	n := liveNode(t)
	n.On("GET sys/mounts", vaulttest.JSON(200, `{"data":{"smtp/":{"type":"kv","options":{"version":"2"}},"transit/":{"type":"transit"}}}`))
	n.On("GET smtp/metadata", vaulttest.JSON(200, `{"data":{"keys":["acme"]}}`))
	n.On("GET smtp/metadata/acme", vaulttest.JSON(200, fmt.Sprintf(
		`{"data":{"current_version":1,"versions":{"1":{"created_time":%q,"deletion_time":"","destroyed":false}}}}`, during.Format(time.RFC3339))))
	var empty bytes.Buffer
	then := inventory.Inventory{Head: inventory.Head{
		CaptureID: "capture", ClusterID: vaulttest.ClusterID, CapturedAt: captured, Salt: strings.Repeat("ab", 32),
	}}
	if err := then.Write(&empty); err != nil {
		t.Fatal(err)
	}
	_, _, c, over := overwriting(t, n)
	b := &bucket{content: map[string][]byte{"i1": empty.Bytes()}}
	in := ConsentInput{Backup: over.Backup, Execution: execution}
	in.Backup.BackupDate, in.Backup.CapturedAt = "2026-11-24", captured
	in.Backup.Inventory = archive.Object{Key: "backups/2026-11-24/inventory.enc", VersionID: "i1"}
	return Asker{
		Cluster: open(t, n), Identity: identity("check-approval"), Archive: b, Approvals: c, Function: "pmdr-approve-restore",
		Now: func() time.Time { return started.Add(time.Minute) },
	}, n, c, in
}

func TestConsent(t *testing.T) {
	a, n, _, in := asking(t)
	got, err := a.Check(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	age := started.Add(time.Minute).Sub(captured).Round(time.Second / 10).Seconds()
	if !got.Approved || got.ApprovedBy != "ines" || got.Hindrance+got.Command != "" || got.ClusterID != vaulttest.ClusterID ||
		got.Undone.Written != 1 || got.Undone.Deleted != 0 || got.Undone.AgeSeconds != age {
		t.Errorf("Check = %+v", got)
	}
	if got.Slot != slot(t, "pre-restore/20261124T090000Z") {
		t.Errorf("what Vault holds is saved in %s", got.Slot)
	}
	again, err := a.Check(t.Context(), in)
	if id, bad := uuid.Parse(got.CaptureID); err != nil || bad != nil || again.CaptureID != id.String() {
		t.Errorf("the capture is %q, then %q: %v", got.CaptureID, again.CaptureID, err)
	}
	for _, r := range sent(n) {
		if r != loginRequest && r != "PUT auth/token/revoke-self" {
			t.Errorf("sent %s", r)
		}
	}
}

func TestConsentIsRequired(t *testing.T) {
	const command = `aws lambda invoke --function-name pmdr-approve-restore --cli-binary-format raw-in-base64-out --payload ` +
		`'{"backup_date":"2026-11-24","cluster_id":"` + vaulttest.ClusterID + `","requested_by":"mira","approved_by":"?","reason":""}' /dev/stdout`
	for name, tt := range map[string]struct {
		spoil func(*consent)
		says  string
	}{
		"none":      {func(c *consent) { c.given = approval.Approval{} }, "nobody has approved it"},
		"used":      {func(c *consent) { c.given.UsedBy = "arn:run" }, "was used by arn:run"},
		"for otto":  {func(c *consent) { c.given.RequestedBy = "otto" }, "approved for somebody else"},
		"by myself": {func(c *consent) { c.given.ApprovedBy = "mira" }, "who asks is who approved it"},
		"too old":   {func(c *consent) { c.given.Expires = started }, "ended at"},
	} {
		a, _, c, in := asking(t)
		tt.spoil(c)
		_, err := a.Check(t.Context(), in)
		wantFault(t, name, err, fault.ApprovalRequired)
		for _, says := range []string{"1 secrets written and 0 deleted since 2026-11-24T02:00:31Z, 7h0m0s ago", tt.says, command} {
			if !strings.Contains(public(err), says) {
				t.Errorf("%s: does not say %q: %s", name, says, public(err))
			}
		}
		in.Backup.Plan = true
		got, err := a.Check(t.Context(), in)
		if err != nil || got.Approved || got.Command != command || !strings.Contains(got.Hindrance, tt.says) || got.Undone.Written != 1 {
			t.Errorf("%s, for a plan: %+v, %v", name, got, err)
		}
	}
}

func TestConsentOfNobodyOrAboutNothing(t *testing.T) {
	for _, who := range []string{"", "x'; rm -rf ~ #", "two\nlines", strings.Repeat("x", 65)} {
		a, n, _, in := asking(t)
		in.Backup.RequestedBy = who
		_, err := a.Check(t.Context(), in)
		wantFault(t, who, err, fault.InvalidInput)
		untouched(t, who, n)
		in.Backup.Plan = true
		got, err := a.Check(t.Context(), in)
		if err != nil || got.Approved || got.Command != "" || !strings.Contains(got.Hindrance, "requested_by must say who asks") || got.Undone.Written != 1 {
			t.Errorf("%q, for a plan: %+v, %v", who, got, err)
		}
	}
	a, _, _, in := asking(t)
	a.Archive = &bucket{content: map[string][]byte{"i1": []byte("no inventory")}}
	_, err := a.Check(t.Context(), in)
	wantFault(t, "a corrupt inventory", err, fault.BackupCorrupt)
	a, n, _, in := asking(t)
	n.On("GET smtp/metadata/acme", vaulttest.JSON(403, `{"errors":["permission denied"]}`))
	_, err = a.Check(t.Context(), in)
	wantFault(t, "a secret that cannot be counted", err, fault.VaultRefused)
	a, n, _, in = asking(t)
	n.On("PUT auth/aws/login", vaulttest.JSON(403, `{"errors":["permission denied"]}`))
	_, err = a.Check(t.Context(), in)
	wantFault(t, "a Vault that knows nobody", err, fault.VaultRefused)
	if !strings.Contains(fault.Of(err).Message(), "delete its data directory") {
		t.Errorf("it does not say what to do with a half made node: %v", err)
	}
	a, _, c, in := asking(t)
	c.fail = fault.AWSUnavailable.Errorf("silent")
	_, err = a.Check(t.Context(), in)
	wantFault(t, "the table is silent", err, fault.AWSUnavailable)
}
