//go:build platform

package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/inbox"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// backup and restore run the machines to their end.
func backup(t *testing.T, input string) runbook.Result { return runMachine(t, "VaultBackupArn", input) }

func restore(t *testing.T, input string) runbook.Result {
	return runMachine(t, "VaultRestoreArn", input)
}

func runMachine(t *testing.T, output, input string) runbook.Result {
	t.Helper()
	r, err := w.desk.Run(t.Context(), w.Outputs[output], input)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// succeeded fails the test with the execution's own explanation where it did not.
func succeeded(t *testing.T, r runbook.Result) {
	t.Helper()
	if r.Status != types.ExecutionStatusSucceeded {
		t.Fatal(w.desk.Explain(t.Context(), r))
	}
}

// ended asserts the ending, the fault in the operator's words, and the path.
func ended(t *testing.T, r runbook.Result, ending, fault string, path ...string) {
	t.Helper()
	if r.Error != ending || !strings.HasPrefix(r.Cause, fault+": ") || !strings.Contains(r.Cause, "Next: ") {
		t.Errorf("want %s, a cause that begins with %s and says what comes next; got\n%s", ending, fault, w.desk.Explain(t.Context(), r))
	}
	took(t, r, path...)
}

func took(t *testing.T, r runbook.Result, path ...string) {
	t.Helper()
	if d := cmp.Diff(path, r.Path); d != "" {
		t.Errorf("the path (-want +got):\n%s", d)
	}
}

// field digs a value out of an execution's output: field(t, r, "plan", "slot").
func field(t *testing.T, r runbook.Result, path ...string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(r.Output), &v); err != nil {
		t.Fatalf("output: %v", err)
	}
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("output has no %v", path)
		}
		v = m[name]
	}
	return fmt.Sprint(v)
}

// store is the archive as the account's root sees it.
func store() *archive.Store {
	return archive.Open(w.AWS, archive.Config{
		Bucket: w.Outputs["BackupBucket"], BackupKey: w.Outputs["BackupKeyArn"], ManifestKey: w.Outputs["ManifestKeyArn"],
	}, time.Now)
}

// objects lists every version in the bucket below a prefix as "key version".
func objects(t *testing.T, prefix string) []string {
	t.Helper()
	var all []string
	pages := s3.NewListObjectVersionsPaginator(s3.NewFromConfig(w.AWS), &s3.ListObjectVersionsInput{
		Bucket: aws.String(w.Outputs["BackupBucket"]), Prefix: aws.String(prefix),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			all = append(all, aws.ToString(v.Key)+" "+aws.ToString(v.VersionId))
		}
	}
	slices.Sort(all)
	return all
}

// backups lists every version that belongs to a backup, not the audit trail's copies.
func backups(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(objects(t, ""), func(o string) bool { return strings.HasPrefix(o, "audit/") })
}

// trail reads the audit trail as the account's root.
func trail() *audit.Trail {
	return &audit.Trail{
		Database: dynamodb.NewFromConfig(w.AWS), Table: w.Outputs["AuditTable"], Heads: w.Outputs["AuditHeadsTable"],
		Store: s3.NewFromConfig(w.AWS), Bucket: w.Outputs["BackupBucket"], Now: time.Now,
	}
}

// records are the bodies of all streams, in the order of their time.
func records(t *testing.T) []audit.Record {
	t.Helper()
	table := w.Outputs["AuditTable"]
	var all []audit.Record
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(w.AWS), &dynamodb.ScanInput{TableName: aws.String(table)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			body := text(item["body"])
			if body == "" {
				continue // a marker
			}
			r, err := audit.Parse(body)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b audit.Record) int {
		if age := a.Timestamp.Compare(b.Timestamp); age != 0 {
			return age
		}
		return int(a.Seq - b.Seq)
	})
	return all
}

func text(v ddbtypes.AttributeValue) string {
	if s, ok := v.(*ddbtypes.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// mail reads an inbox until a notice of that type for the execution is there.
func mail(t *testing.T, box inbox.Inbox, kind string, r runbook.Result) inbox.Mail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		mails, err := box.Next(ctx)
		if err != nil {
			t.Fatalf("no notice %s: %v", kind, err)
		}
		w.mails = append(w.mails, mails...)
		for _, m := range w.mails {
			if m.Attributes["type"] == kind && strings.Contains(m.Message, r.ARN) {
				return m
			}
		}
	}
}

// patience is beyond two rounds of the probe, which runs every minute, on a busy machine.
const patience = 3 * time.Minute

// await asks until the answer is yes.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !so() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited %v in vain for %s", patience, what)
		}
	}
}
