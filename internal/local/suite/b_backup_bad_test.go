//go:build platform

package suite

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// deniedByDynamoDB is how DynamoDB refuses a permission.
var deniedByDynamoDB = faults.Answer(http.StatusBadRequest, "application/x-amz-json-1.0",
	`{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no"}`)

// freeDay is a scheduled time whose day no backup holds yet, and the input that fills it.
func freeDay(t *testing.T) (slot archive.Slot, input string) {
	t.Helper()
	now := time.Now().UTC()
	for _, at := range []time.Time{now.Add(-23*time.Hour - 57*time.Minute), now.Add(4 * time.Minute)} {
		slot := archive.SlotAt(archive.Daily, at)
		if _, taken, err := store().Manifest(t.Context(), slot); err != nil {
			t.Fatal(err)
		} else if !taken {
			return slot, `{"tier":"daily","scheduled_time":"` + at.Format(time.RFC3339) + `"}`
		}
	}
	t.Fatal("both days are taken")
	return slot, ""
}

// failedAfter is the path of a backup that fails in one of its last steps.
func failedAfter(steps ...string) []string {
	return slices.Concat(captured, steps, failed, []string{"FailedClean"})
}

// An upload takes effect and nobody hears of it. What lies there is no backup; the same day is filled afterwards, by two
// runs at once, as when a rule fires twice: both end well, and with the same backup.
func TestADayIsFilledOnceWhateverHappens(t *testing.T) {
	pace(t, hurried)
	t.Cleanup(func() { pace(t, 1) })
	slot, input := freeDay(t)
	month := archive.SlotAt(archive.Monthly, slot.Time)
	_, promoted, err := store().Manifest(t.Context(), month)
	if err != nil {
		t.Fatal(err)
	}

	interrupted := strike(t, w.Faults.AWS, faults.Rule{
		Caller: "pmdr-snapshot-vault", Method: http.MethodPut, Path: "/" + w.Outputs["BackupBucket"] + "/" + slot.Key(archive.SnapshotName),
		Strikes: []faults.Strike{faults.CutAfter},
	})
	ended(t, backup(t, input), "FailedClean", "AWSUnavailable",
		slices.Concat(captured[:4], failed, []string{"FailedClean"})...)
	interrupted.Remove()
	if left := objects(t, slot.String()+"/"); len(left) == 0 {
		t.Fatal("nothing of the upload is there: this is another bad day")
	}
	if _, found, err := store().Manifest(t.Context(), slot); found || err != nil {
		t.Fatalf("a backup that nobody verified: %t, %v", found, err)
	}

	// Both have verified what they took before either has signed.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	both, arrived := make(chan struct{}), atomic.Int32{}
	strike(t, w.Faults.AWS, faults.Rule{
		Caller: "pmdr-verify-backup", Method: http.MethodPut, Path: "/" + w.Outputs["BackupBucket"] + "/" + slot.Key(archive.ManifestName), Times: 2,
		Strikes: []faults.Strike{faults.Before(func() {
			if arrived.Add(1) == 2 {
				close(both)
			}
			select {
			case <-both:
			case <-ctx.Done():
				t.Error("only one run came to sign")
			}
		})},
	})
	var runs [2]runbook.Result
	var all errgroup.Group
	for i := range runs {
		all.Go(func() (err error) {
			runs[i], err = w.desk.Run(ctx, w.Outputs["VaultBackupArn"], input)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	signed, found, err := store().Manifest(t.Context(), slot)
	if err != nil || !found {
		t.Fatalf("%t, %v", found, err)
	}
	for _, r := range runs {
		succeeded(t, r)
		if got := field(t, r, "verified", "manifest_sha256"); got != signed.SHA256 {
			t.Errorf("%s says that the backup is %s, and it is %s", r.ARN, got, signed.SHA256)
		}
	}
	for _, s := range []archive.Slot{slot, month} {
		if n := count(objects(t, s.String()+"/"), s.Key(archive.ManifestName)); n != 1 && (s == slot || !promoted) {
			t.Errorf("%s has %d manifests", s, n)
		}
	}
}

func count(objects []string, key string) (n int) {
	for _, o := range objects {
		if strings.HasPrefix(o, key+" ") {
			n++
		}
	}
	return n
}

// Whoever may put objects, and no more, plants a manifest of their own on a day without a backup, and hides a real one.
// Neither is restored from, neither hides anything, and a backup is taken all the same; then it rings.
func TestAForgedManifestIsRefused(t *testing.T) {
	client, bucket := s3.NewFromConfig(w.AWS), aws.String(w.Outputs["BackupBucket"])
	real, found, err := store().Manifest(t.Context(), archive.SlotAt(archive.Daily, w.due))
	if err != nil || !found {
		t.Fatal(found, err)
	}
	forged, err := client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: bucket, Key: aws.String("backups/2020-02-02/manifest.json"),
		// The bucket's own lock would keep it until long after these tests.
		ObjectLockMode: types.ObjectLockModeCompliance, ObjectLockRetainUntilDate: aws.Time(time.Now().Add(2 * time.Second)),
		Body: bytes.NewReader([]byte(`{"payloadType":"application/vnd.pmdr.manifest+json","payload":"e30=","signatures":[{"sig":"AAAA"}]}`)),
	})
	if err != nil {
		t.Fatal(err)
	}
	marker, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: &real.Key})
	if err != nil {
		t.Fatal(err)
	}
	ended(t, restore(t, `{"backup_date":"2020-02-02"}`), "FailedClean", "BackupForged", refused()...)

	r := backup(t, `{"tier":"on-demand","requested_by":"mira"}`)
	ended(t, r, "FailedClean", "BucketTampered", failedAfter(slices.Concat(finished[:3], []string{"Tampered with?", "Bucket tampered with"})...)...)
	slots := "backups/2020-02-02, " + real.Slot.String()
	for _, m := range []string{
		mail(t, w.security, "vault_backup_failed", r).Message, mail(t, w.operations, "vault_backup_failed", r).Message,
		string(newest(t, audit.VaultBackupFailed).Details),
	} {
		if !strings.Contains(m, slots) {
			t.Errorf("%s are not named:\n%s", slots, m)
		}
	}
	taken := newest(t, audit.VaultBackupCompleted)
	if !strings.Contains(string(taken.Details), `"slot":"on-demand/`) || !strings.Contains(mail(t, w.operations, "vault_backup_completed", r).Message, slots) {
		t.Errorf("the backup itself is not told: %+v", taken)
	}

	for key, version := range map[string]*string{"backups/2020-02-02/manifest.json": forged.VersionId, real.Key: marker.VersionId} {
		gone(t, key, version)
	}
	r = backup(t, `{"tier":"on-demand"}`)
	succeeded(t, r)
	took(t, r, slices.Concat(captured, finished)...)
}

// gone deletes a version as soon as its lock is over.
func gone(t *testing.T, key string, version *string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, err := s3.NewFromConfig(w.AWS).DeleteObject(ctx, &s3.DeleteObjectInput{
			Bucket: aws.String(w.Outputs["BackupBucket"]), Key: &key, VersionId: version,
		})
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", key, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// A backup that is verified and of which the operators, or the trail, hear nothing: it stands, and the run says that
// something failed to those who can be told.
func TestABackupThatCannotBeToldOf(t *testing.T) {
	pace(t, hurried)
	t.Cleanup(func() { pace(t, 1) })
	for name, tt := range map[string]struct {
		rule  faults.Rule
		path  []string
		cause string
	}{
		"SNS refuses the operators' notice": {
			faults.Rule{Caller: "pmdr-alert-operations", Action: "Publish", Strikes: []faults.Strike{deniedBySNS}},
			finished[:3], "AWSRefused: ",
		},
		"the audit table refuses": {
			faults.Rule{Caller: "pmdr-record-audit", Action: "TransactWriteItems", Strikes: []faults.Strike{deniedByDynamoDB}},
			finished[:2], "the audit trail could not take the record of this failure",
		},
	} {
		t.Run(name, func(t *testing.T) {
			strike(t, w.Faults.AWS, tt.rule)
			r := backup(t, `{"tier":"on-demand"}`)
			if r.Error != "FailedClean" || !strings.HasPrefix(r.Cause, tt.cause) {
				t.Error(w.desk.Explain(t.Context(), r))
			}
			took(t, r, failedAfter(tt.path...)...)
			there, err := store().Survey(t.Context(), archive.OnDemand)
			if err != nil || !slices.ContainsFunc(there.Backups, func(b archive.Signed) bool { return b.Execution == r.ARN }) {
				t.Errorf("the backup does not stand: %v", err)
			}
			if m := mail(t, w.security, "vault_backup_failed", r); !strings.Contains(m.Message, "AWSRefused") {
				t.Errorf("notice:\n%s", m.Message)
			}
		})
	}
}
