//go:build platform

package suite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

var (
	captured = []string{"Take the request", "PlanBackup", "Already verified?", "SnapshotVault", "InventorySecrets",
		"VerifyBackup", "CountVerifiedBackup", "First of the month?"}
	finished = []string{"PruneBackups", "RecordAudit", "AlertOperations", "Tampered with?", "Succeeded"}
	promoted = []string{"PromoteBackup", "VerifyBackupOfMonth"}
	failed   = []string{"RecordAuditFailure", "AlertSecurityOfFailure", "AlertOperationsOfFailure"}
)

func TestBackupByHand(t *testing.T) {
	r := backup(t, `{"tier":"on-demand","reason":"before an upgrade","requested_by":"mira"}`)
	succeeded(t, r)
	took(t, r, slices.Concat(captured, finished)...)

	slot, err := archive.ParseSlot(field(t, r, "plan", "slot"))
	if err != nil || slot.Tier != archive.OnDemand {
		t.Fatalf("slot %v, %v", slot, err)
	}
	there := objects(t, slot.String()+"/")
	var keys []string
	for _, o := range there {
		keys = append(keys, strings.Fields(o)[0])
	}
	if d := cmp.Diff([]string{slot.Key("inventory.enc"), slot.Key("manifest.json"), slot.Key("vault-snapshot.enc")}, keys); d != "" {
		t.Errorf("the slot (-want +got):\n%s", d)
	}
	for _, o := range there {
		key, version, _ := strings.Cut(o, " ")
		locked(t, key, version, archive.OnDemand.Lock())
	}
	signed, found, err := store().Manifest(t.Context(), slot)
	if err != nil || !found {
		t.Fatalf("manifest: found %v, %v", found, err)
	}
	if signed.Secrets != tenants+1 || signed.Execution != r.ARN || signed.Vault.Shares != 3 || signed.Vault.Threshold != 2 {
		t.Errorf("manifest %+v", signed.Manifest)
	}
	last := latest(t)
	if last.Event != audit.VaultBackupCompleted || last.UserID != "mira" || !strings.Contains(string(last.Details), signed.SHA256) {
		t.Errorf("audit record %+v", last)
	}
	locked(t, audit.CopyKey("platform", last.Seq), "", 400*24*time.Hour)
	m := mail(t, w.operations, "vault_backup_completed", r)
	if !strings.Contains(m.Message, signed.SHA256) || !strings.Contains(m.Message, `{"backup_date":"`+slot.String()+`"}`) {
		t.Errorf("notice:\n%s", m.Message)
	}
}

// locked asserts that nobody can delete this version for as long as its tier says.
func locked(t *testing.T, key, version string, length time.Duration) {
	t.Helper()
	in := &s3.HeadObjectInput{Bucket: aws.String(w.Outputs["BackupBucket"]), Key: aws.String(key)}
	if version != "" {
		in.VersionId = aws.String(version)
	}
	head, err := s3.NewFromConfig(w.AWS).HeadObject(t.Context(), in)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	left := time.Until(aws.ToTime(head.ObjectLockRetainUntilDate))
	if head.ObjectLockMode != types.ObjectLockModeCompliance || left < length-time.Hour || left > length+time.Hour {
		t.Errorf("%s is locked %q for %s, want COMPLIANCE for %s", key, head.ObjectLockMode, left, length)
	}
}

// opensForBreakGlass opens an object with the offline identity alone, to its end.
func opensForBreakGlass(t *testing.T, o archive.Object) {
	t.Helper()
	out, err := s3.NewFromConfig(w.AWS).GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: aws.String(w.Outputs["BackupBucket"]), Key: aws.String(o.Key), VersionId: aws.String(o.VersionID),
	})
	if err != nil {
		t.Fatalf("%s: %v", o.Key, err)
	}
	defer out.Body.Close()
	text, err := os.ReadFile(w.BreakGlassIdentity())
	if err != nil {
		t.Fatal(err)
	}
	identities, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	file, err := sealed.Open(t.Context(), out.Body, sealed.WithAge(identities...))
	if err != nil {
		t.Fatalf("%s: %v", o.Key, err)
	}
	plain := sha256.New()
	if _, err := io.Copy(plain, file); err != nil || hex.EncodeToString(plain.Sum(nil)) != o.SHA256Plain {
		t.Errorf("%s opens to something else, %v", o.Key, err)
	}
}

// latest is the newest audit record.
func latest(t *testing.T) audit.Record {
	t.Helper()
	all := records(t)
	if len(all) == 0 {
		t.Fatal("the audit trail is empty")
	}
	return all[len(all)-1]
}

// newest is the newest audit record of an event.
func newest(t *testing.T, event audit.Event) audit.Record {
	t.Helper()
	all := slices.DeleteFunc(records(t), func(r audit.Record) bool { return r.Event != event })
	if len(all) == 0 {
		t.Fatalf("the audit trail has no %s", event)
	}
	return all[len(all)-1]
}

func TestBadInputTouchesNothing(t *testing.T) {
	today := time.Now().UTC().Format(time.RFC3339)
	starts := map[string]struct{ machine, input, says string }{
		"backup, unknown field":        {"VaultBackupArn", `{"tier":"on-demand","color":"red"}`, `unknown field "color"`},
		"backup, missing field":        {"VaultBackupArn", `{}`, "tier is missing"},
		"backup, missing time":         {"VaultBackupArn", `{"tier":"daily"}`, "scheduled_time is missing"},
		"backup, another letter case":  {"VaultBackupArn", `{"Tier":"on-demand"}`, `unknown field "Tier"`},
		"backup, a field twice":        {"VaultBackupArn", `{"tier":"on-demand","tier":"on-change"}`, `field "tier" is there twice`},
		"restore, a field twice":       {"VaultRestoreArn", `{"backup_date":"2026-11-20","backup_date":"latest"}`, `field "backup_date" is there twice`},
		"backup, malformed time":       {"VaultBackupArn", `{"tier":"daily","scheduled_time":"yesterday"}`, "RFC 3339"},
		"backup, unknown tier":         {"VaultBackupArn", `{"tier":"hourly"}`, "tier is none of"},
		"backup, time of another tier": {"VaultBackupArn", `{"tier":"on-demand","scheduled_time":"` + today + `"}`, "daily tier only"},
		"backup, not an object":        {"VaultBackupArn", `["on-demand"]`, ""},
		"restore, unknown field":       {"VaultRestoreArn", `{"backup_date":"latest","hurry":true}`, `unknown field "hurry"`},
		"restore, missing field":       {"VaultRestoreArn", `{"reason":"x"}`, "backup_date is missing"},
		"restore, another letter case": {"VaultRestoreArn", `{"Backup_Date":"latest"}`, `unknown field "Backup_Date"`},
		"restore, malformed date":      {"VaultRestoreArn", `{"backup_date":"24.11.2026"}`, "neither a date"},
		"restore, impossible date":     {"VaultRestoreArn", `{"backup_date":"2026-02-30"}`, "neither a date"},
		"restore, wrong type":          {"VaultRestoreArn", `{"backup_date":20261124}`, `field "backup_date"`},
		"restore, not an object":       {"VaultRestoreArn", `"latest"`, ""},
	}
	before, vault := backups(t), clusterID(t)
	for name, tt := range starts {
		t.Run(name, func(t *testing.T) {
			first := map[string]string{"VaultBackupArn": "PlanBackup", "VaultRestoreArn": "SelectBackup"}[tt.machine]
			path := append([]string{"Take the request", first}, failed...)
			if tt.machine == "VaultRestoreArn" {
				path = append(path, "Clean or dirty?")
			}
			r := runMachine(t, tt.machine, tt.input)
			ended(t, r, "FailedClean", "InvalidInput", append(path, "FailedClean")...)
			if !strings.Contains(r.Cause, tt.says) {
				t.Errorf("the cause does not say %q: %s", tt.says, r.Cause)
			}
		})
	}
	if d := cmp.Diff(before, backups(t)); d != "" {
		t.Errorf("the bucket was touched (-before +after):\n%s", d)
	}
	if now := clusterID(t); now != vault {
		t.Errorf("Vault was touched: it is cluster %s now, was %s", now, vault)
	}
}

func clusterID(t *testing.T) string {
	t.Helper()
	client, err := w.Vault.Client()
	if err != nil {
		t.Fatal(err)
	}
	health, err := client.Sys().HealthWithContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return health.ClusterID
}

// The rule was set to fire while the tests above ran; it is waited for here. It takes the day's slot and, as the first
// backup of the month, the month's.
func TestBackupByTheRule(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), w.due.Add(2*time.Minute))
	defer cancel()
	day := archive.SlotAt(archive.Daily, w.due)
	r, err := w.desk.WaitForInput(ctx, w.Outputs["VaultBackupArn"], `"tier":"daily","scheduled_time":"`+w.due.Format("2006-01-02T15:04"))
	if err != nil {
		t.Fatalf("the rule did not fire: %v", err)
	}
	succeeded(t, r)
	took(t, r, slices.Concat(captured, promoted, finished)...)
	for _, slot := range []archive.Slot{day, archive.SlotAt(archive.Monthly, w.due)} {
		signed, found, err := store().Manifest(t.Context(), slot)
		if err != nil || !found {
			t.Fatalf("%s: found %v, %v", slot, found, err)
		}
		for _, o := range []archive.Object{signed.Snapshot, signed.Inventory, {Key: signed.Key, VersionID: signed.VersionID}} {
			locked(t, o.Key, o.VersionID, slot.Tier.Lock())
		}
		opensForBreakGlass(t, signed.Snapshot)
		opensForBreakGlass(t, signed.Inventory)
	}
	if last := latest(t); !strings.Contains(string(last.Details), day.String()) || last.UserID != "events.amazonaws.com" {
		t.Errorf("audit record %+v", last)
	}
}

func TestAVerifiedSlotIsLeftAlone(t *testing.T) {
	before, trail := backups(t), len(records(t))
	r := backup(t, fmt.Sprintf(`{"tier":"daily","scheduled_time":%q}`, w.due.Format(time.RFC3339)))
	succeeded(t, r)
	took(t, r, "Take the request", "PlanBackup", "Already verified?", "Succeeded")
	if d := cmp.Diff(before, backups(t)); d != "" {
		t.Errorf("the bucket was touched (-before +after):\n%s", d)
	}
	if now := len(records(t)); now != trail {
		t.Errorf("%d audit records were added", now-trail)
	}
}
