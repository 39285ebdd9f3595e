//go:build platform

package suite

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/audit"
)

func TestTheAuditTrailIsUnbroken(t *testing.T) {
	streams := map[string]bool{}
	for _, r := range records(t) {
		streams[r.Stream] = true
		locked(t, audit.CopyKey(r.Stream, r.Seq), "", 400*24*time.Hour)
	}
	for stream := range streams {
		report, err := trail().Verify(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		if !report.Intact() {
			t.Errorf("breaks in %s: %+v", stream, report.Breaks)
		}
	}
	if !streams[audit.Platform] {
		t.Errorf("the streams are %v", streams)
	}
}

func TestAlarmsRing(t *testing.T) {
	want := map[string]types.StateValue{
		"pmdr-no-verified-backup-in-25-hours": types.StateValueOk,    // there were backups
		"pmdr-vault-backup-failed":            types.StateValueAlarm, // and failures, a minute or so ago
		"pmdr-vault-restore-failed":           types.StateValueAlarm,
		"pmdr-vault-backup-timed-out":         types.StateValueOk,
		"pmdr-vault-restore-timed-out":        types.StateValueOk,
	}
	client := cloudwatch.NewFromConfig(w.AWS)
	seen := map[string]bool{}
	for name, state := range want {
		history, err := client.DescribeAlarmHistory(t.Context(), &cloudwatch.DescribeAlarmHistoryInput{AlarmName: aws.String(name)})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range history.AlarmHistoryItems {
			if strings.Contains(aws.ToString(h.HistorySummary), "to "+string(state)) {
				seen[name] = true
			}
		}
		if !seen[name] {
			t.Errorf("%s was never %s: %+v", name, state, history.AlarmHistoryItems)
		}
	}
}

// secretsOfTheWorld are the planted secrets, in every notation in which they travel: every tenant's password, Vault's
// root token and its key shares.
func secretsOfTheWorld(t *testing.T) map[string]string {
	t.Helper()
	planted := map[string]string{}
	plant := func(name, text string) {
		planted[name] = text
		planted[name+" in base64"] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	plant("root token", w.Keys.RootToken.Reveal())
	for i, s := range w.Keys.Shares {
		name := fmt.Sprintf("key share %d", i+1)
		plant(name, s.Reveal())
		raw, err := base64.StdEncoding.DecodeString(s.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		planted[name+" in hex"] = hex.EncodeToString(raw)
	}
	for tenant, password := range w.passwords {
		plant("password of "+tenant, password.Reveal())
	}
	for name, s := range w.planted {
		plant(name, s.Reveal())
	}
	return planted
}

// It comes last: everything the suite caused is searched.
func TestNoSecretIsAnywhere(t *testing.T) {
	planted := secretsOfTheWorld(t)
	places := map[string]int{}
	search := func(place, content string) {
		places[strings.SplitN(place, " ", 2)[0]] += len(content)
		for name, text := range planted {
			if strings.Contains(content, text) {
				t.Errorf("%s holds the %s", place, name)
			}
		}
	}
	for _, machine := range []string{"VaultBackupArn", "VaultRestoreArn", "VpsRecoveryArn", "CredentialRotationArn", "CredentialCompromiseArn", "ReconcileAfterRestoreArn", "BackstopArn"} {
		pages := sfn.NewListExecutionsPaginator(w.desk.States, &sfn.ListExecutionsInput{StateMachineArn: aws.String(w.Outputs[machine])})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Executions {
				events, err := w.desk.Events(t.Context(), aws.ToString(e.ExecutionArn))
				if err != nil {
					t.Fatal(err)
				}
				search("history of "+aws.ToString(e.Name), asJSON(t, afterTheRequest(events)))
			}
		}
	}
	logs := cloudwatchlogs.NewFromConfig(w.AWS)
	groups, err := logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.LogGroups {
		pages := cloudwatchlogs.NewFilterLogEventsPaginator(logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: g.LogGroupName})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				search("log "+aws.ToString(g.LogGroupName), aws.ToString(e.Message))
			}
		}
	}
	tables := dynamodb.NewFromConfig(w.AWS)
	for _, table := range []string{"AuditTable", "AuditHeadsTable", "TenantsTable", "ApprovalsTable"} {
		pages := dynamodb.NewScanPaginator(tables, &dynamodb.ScanInput{TableName: aws.String(w.Outputs[table])})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range page.Items {
				for _, v := range item {
					search("table "+table, text(v))
				}
			}
		}
	}
	for _, line := range w.Mail.Provider.Commands() {
		search("command on a server: "+line, line)
	}
	for _, m := range w.mails {
		search("notice "+m.Subject, m.Subject+"\n"+m.Message)
	}
	bucket := s3.NewFromConfig(w.AWS)
	for _, o := range objects(t, "") {
		key, version, _ := strings.Cut(o, " ")
		out, err := bucket.GetObject(t.Context(), &s3.GetObjectInput{
			Bucket: aws.String(w.Outputs["BackupBucket"]), Key: aws.String(key), VersionId: aws.String(version),
		})
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(out.Body)
		if err != nil {
			t.Fatal(err)
		}
		search("object "+key, string(content))
	}
	engineLog, err := os.ReadFile(filepath.Join(w.Engine.Dir, "engine.log"))
	if err != nil {
		t.Fatal(err)
	}
	search("engine's log", string(engineLog))
	for _, place := range []string{"history", "log", "table", "command", "notice", "object"} {
		if places[place] == 0 {
			t.Errorf("no %s was searched", place)
		}
	}
	t.Logf("searched for %d secrets in %v bytes", len(planted), places)
}

// afterTheRequest leaves out what the caller of credential-compromise has typed, details that quote a password among it: up
// to the state that lets go of it the history holds it, as Step Functions' own record of the start does.
func afterTheRequest(events []sfntypes.HistoryEvent) []sfntypes.HistoryEvent {
	for i, e := range events {
		if exited := e.StateExitedEventDetails; exited != nil && slices.Contains([]string{"The request is read", "The request is refused"}, aws.ToString(exited.Name)) {
			return events[i:]
		}
	}
	return events
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
