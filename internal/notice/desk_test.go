package notice

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

var update = flag.Bool("update", false, "write the golden files anew")

// topic is SNS in memory; it refuses a subject that SNS refuses.
type topic struct {
	sent []*sns.PublishInput
	fail error
}

func (p *topic) Publish(_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	if p.fail != nil {
		return nil, p.fail
	}
	subject := aws.ToString(in.Subject)
	if subject == "" || len(subject) >= 100 || strings.ContainsFunc(subject, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("invalid parameter: Subject")
	}
	if aws.ToString(in.Message) == "" {
		return nil, errors.New("invalid parameter: Empty message")
	}
	p.sent = append(p.sent, in)
	return &sns.PublishOutput{MessageId: aws.String("5f4c-example")}, nil
}

func newDesk() (*Desk, *topic) {
	p := &topic{}
	return &Desk{SNS: p, Topic: "arn:aws:sns:eu-central-1:123456789012:operations",
		RestoreMachine:  "arn:aws:states:eu-central-1:123456789012:stateMachine:vault-restore",
		RecoveryMachine: "arn:aws:states:eu-central-1:123456789012:stateMachine:vps-recovery"}, p
}

func request(t *testing.T, payload string) Request {
	t.Helper()
	payload = strings.Replace(payload, "EXECUTION",
		`"execution":{"arn":"arn:aws:states:eu-central-1:123456789012:execution:vault-backup:2026-11-24","started_at":"2026-11-24T02:00:00.25Z","state":"AlertOperations"}`, 1)
	var r Request
	if err := strictjson.Unmarshal([]byte(payload), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// letterCases are the golden letters: testdata/<name>.txt.
var letterCases = map[string]string{
	"vault_backup_completed": `{"event":"vault_backup_completed","severity":"info",EXECUTION,"details":{
		"slot":"backups/2026-11-24","tier":"daily","captured_at":"2026-11-24T02:00:07Z","verified_at":"2026-11-24T02:01:09Z",
		"snapshot_bytes":12884902,"secrets":412,"pruned":1,"manifest_sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}}`,
	"vault_backup_completed-monthly": `{"event":"vault_backup_completed","severity":"info",EXECUTION,"details":{"slot":"monthly/2026-11","tier":"monthly","snapshot_bytes":812,"secrets":0,"tampered":"backups/2020-02-02"}}`,
	"vault_backup_completed-on-demand": `{"event":"vault_backup_completed","severity":"info",EXECUTION,"details":{
		"slot":"on-demand/20261124T101112Z","tier":"on-demand","snapshot_bytes":1099511627776}}`,
	"vault_backup_failed": `{"event":"vault_backup_failed","severity":"critical",EXECUTION,"details":{"slot":"backups/2026-11-24"},
		"fault":{"Error":"VaultSealed","Cause":"{\"errorMessage\":\"SnapshotVault: Vault runs and is sealed (node vault-1). Next: run: vault operator unseal, with as many shares as its threshold\",\"errorType\":\"VaultSealed\"}"}}`,
	"vault_backup_failed-tampered": `{"event":"vault_backup_failed","severity":"critical",EXECUTION,"details":{"slot":"backups/2026-11-24","tampered":"backups/2026-11-23, monthly/2026-11"},
		"fault":{"Error":"BucketTampered","Cause":"somebody else has written or hidden a manifest in the bucket; verified backups stand"}}`,
	"vault_backup_failed-timeout":         `{"event":"vault_backup_failed","severity":"critical",EXECUTION,"details":{},"fault":{"Error":"States.Timeout","Cause":""}}`,
	"vault_backup_failed-nothing-is-told": `{"event":"vault_backup_failed","severity":"critical",EXECUTION,"details":{}}`,
	"vault_restored_from_backup": `{"event":"vault_restored_from_backup","severity":"warning",EXECUTION,"details":{
		"backup_date":"2026-11-24","slot":"backups/2026-11-24","captured_at":"2026-11-24T02:00:07Z","recovery_point_seconds":39600,
		"restoration_seconds":412.4,"secrets_verified":412,"written_during_capture":2,"unexpected_extras":0,"cluster_id":"0f5c7e2a-1d1c-4f0e-8b59-2f6f6a0c3b11"}}`,
	"vault_restored_from_backup-tampered": `{"event":"vault_restored_from_backup","severity":"warning",EXECUTION,"details":{
		"backup_date":"latest","slot":"backups/2026-11-23","captured_at":"2026-11-23T02:00:07Z","recovery_point_seconds":50000,
		"restoration_seconds":412.4,"secrets_verified":412,"tampered":"backups/2026-11-24"}}`,
	"vault_restored_from_backup-late": `{"event":"vault_restored_from_backup","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"backup_date":"latest","slot":"backups/2026-11-22","captured_at":"2026-11-22T02:00:07Z","recovery_point_seconds":200000,
		"restoration_seconds":1801,"secrets_verified":412}}`,
	"vault_restore_failed-restored": `{"event":"vault_restore_failed","severity":"critical",EXECUTION,"details":{
		"backup_date":"2026-11-24","slot":"backups/2026-11-24","ending":"restored"},
		"fault":{"Error":"AWSRefused","Cause":"{\"errorMessage\":\"AlertSecurity: AWS refused the call: a permission or a resource is missing. Next: run: sam deploy; then start the runbook again\",\"errorType\":\"AWSRefused\"}"}}`,
	"vault_restore_failed": `{"event":"vault_restore_failed","severity":"critical",EXECUTION,"details":{"backup_date":"2026-11-20","slot":""},
		"fault":{"Error":"BackupNotFound","Cause":"{\"errorMessage\":\"SelectBackup: there is no verified backup for the date asked for (there are 2026-11-22, 2026-11-24). Next: start vault-restore with one of the dates named here, or with {\\\"backup_date\\\":\\\"latest\\\"}\",\"errorType\":\"BackupNotFound\"}"}}`,
	"vault_recovered_without_restore": `{"event":"vault_recovered_without_restore","severity":"warning",EXECUTION,"details":{
		"reason":"the host was started again","nodes":["https://vault-1.example:8200"],"not_restored":"backups/2026-11-24"}}`,
	"restore_approved": `{"event":"restore_approved","severity":"critical",EXECUTION,"details":{
		"cluster_id":"0f5c7e2a-1d1c-4f0e-8b59-2f6f6a0c3b11","manifest_sha256":"9f86","backup_date":"2026-11-22","requested_by":"mira","approved_by":"ines",
		"reason":"the import of yesterday was wrong","approved_at":"2026-11-24T09:00:00Z","expires":"2026-11-24T10:00:00Z","used_by":""}}`,
	"restore_denied": `{"event":"restore_denied","severity":"critical",EXECUTION,"details":{
		"backup_date":"2026-11-22","requested_by":"mira","approved_by":"Mira","reason":"I know what I do","fault":"InvalidInput","cause":"PLANTED"}}`,
	"vault_restored_from_backup-over": `{"event":"vault_restored_from_backup","severity":"critical",EXECUTION,"details":{
		"backup_date":"2026-11-24","slot":"backups/2026-11-24","captured_at":"2026-11-24T02:00:07Z","recovery_point_seconds":39600,
		"restoration_seconds":12.4,"secrets_verified":412,"written_during_capture":0,"unexpected_extras":0,"cluster_id":"0f5c7e2a-1d1c-4f0e-8b59-2f6f6a0c3b11",
		"requested_by":"mira","approved_by":"ines","way_back":"pre-restore/20261124T130007Z"}}`,
	"vault_restore_failed-over": `{"event":"vault_restore_failed","severity":"critical",EXECUTION,"details":{
		"backup_date":"2026-11-24","slot":"backups/2026-11-24","ending":"dirty","way_back":"pre-restore/20261124T130007Z"},
		"fault":{"Error":"RestoreInterrupted","Cause":""}}`,
	"vault_restore_failed-not-approved": `{"event":"vault_restore_failed","severity":"critical",EXECUTION,"details":{
		"backup_date":"2026-11-24","slot":"backups/2026-11-24","ending":"clean","way_back":""},
		"fault":{"Error":"ApprovalRequired","Cause":"{\"errorMessage\":\"pmdr-check-approval: Vault is alive; only what a second person has approved is restored over it (it would undo 3 secrets written and 1 deleted since 2026-11-24T02:00:07Z, 7h13m0s ago; nobody has approved it. The approver's command, to be completed: aws lambda invoke --function-name pmdr-approve-restore --cli-binary-format raw-in-base64-out --payload '{\\\"backup_date\\\":\\\"2026-11-24\\\",\\\"cluster_id\\\":\\\"0f5c7e2a-1d1c-4f0e-8b59-2f6f6a0c3b11\\\",\\\"requested_by\\\":\\\"mira\\\",\\\"approved_by\\\":\\\"?\\\",\\\"reason\\\":\\\"\\\"}' /dev/stdout). Next: if it must be, …\"}"}}`,
	"smtp_credentials_recovered": `{"event":"smtp_credentials_recovered","severity":"warning","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","old_vps_ip":"192.0.2.7","new_vps_ip":"198.51.100.9","recovery_type":"vps_failure",
		"recovery_seconds":312.4,"old_server_id":"4711","volume_id":"","outbound_25":"open"}}`,
	"smtp_credentials_recovered-port-closed": `{"event":"smtp_credentials_recovered","severity":"warning","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","old_vps_ip":"192.0.2.7","new_vps_ip":"198.51.100.9","recovery_type":"vps_failure",
		"recovery_seconds":312.4,"old_server_id":"4711","volume_id":"815","outbound_25":"closed"}}`,
	"smtp_credentials_recovered-volume": `{"event":"smtp_credentials_recovered","severity":"warning","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","old_vps_ip":"192.0.2.7","new_vps_ip":"198.51.100.9","recovery_type":"vps_failure",
		"recovery_seconds":312.4,"old_server_id":"4711","volume_id":"815","outbound_25":"open"}}`,
	"vps_recovery_not_needed": `{"event":"vps_recovery_not_needed","severity":"info","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","old_vps_ip":"192.0.2.7"}}`,
	"vps_recovery_failed": `{"event":"vps_recovery_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","ending":"clean"},
		"fault":{"Error":"ProviderRefused","Cause":"PLANTED is what the provider said"}}`,
	"credential_compromise_joined": `{"event":"credential_compromise_joined","severity":"critical","tenant_id":"acme",EXECUTION,
		"details":{"tenant_id":"acme","hostname":"mail.acme.example","incident_id":"D-8","details":"seen elsewhere","reason":"credential.compromised",
		"joined_execution":"arn:aws:states:eu-central-1:123456789012:execution:credential-compromise:of-d-7"}}`,
	"credentials_reconciled":         `{"event":"credentials_reconciled","severity":"warning",EXECUTION,"details":{"tenants":412,"rotations":3,"waiting":0,"missing":{"count":0,"shown":[]},"unseen":{"count":0,"shown":[]}}}`,
	"credentials_reconciled-none":    `{"event":"credentials_reconciled","severity":"warning",EXECUTION,"details":{"tenants":412,"rotations":0,"waiting":0,"missing":{"count":0,"shown":[]},"unseen":{"count":0,"shown":[]}}}`,
	"credentials_reconciled-unseen":  `{"event":"credentials_reconciled","severity":"warning",EXECUTION,"details":{"tenants":412,"rotations":0,"waiting":0,"missing":{"count":0,"shown":[]},"unseen":{"count":22,"shown":["acme","globex"]}}}`,
	"credentials_reconciled-waiting": `{"event":"credentials_reconciled","severity":"warning",EXECUTION,"details":{"tenants":412,"rotations":0,"waiting":9,"missing":{"count":0,"shown":[]},"unseen":{"count":0,"shown":[]}}}`,
	"credentials_reconciled-missing": `{"event":"credentials_reconciled","severity":"warning",EXECUTION,"details":{"tenants":412,"rotations":3,"waiting":0,"missing":{"count":2,"shown":["acme","globex"]},"unseen":{"count":0,"shown":[]}}}`,
	"reconciliation_failed": `{"event":"reconciliation_failed","severity":"critical",EXECUTION,"details":{"tenants":0,"rotations":0,"missing":{"count":0,"shown":[]},"unseen":{"count":0,"shown":[]}},
		"fault":{"Error":"VaultUnreachable","Cause":""}}`,
	"vps_recovery_not_needed-rebooted": `{"event":"vps_recovery_not_needed","severity":"info","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","old_vps_ip":"192.0.2.7","rebooted":true}}`,
	"vps_recovery_failed-kept": `{"event":"vps_recovery_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","ending":"clean","kept":["4712"],"dns_moved":true,"dns_put_back":true},
		"fault":{"Error":"DNSNotVisible","Cause":"the DNS change was accepted and the world does not see it"}}`,
	"vps_recovery_failed-dirty": `{"event":"vps_recovery_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","old_vps_ip":"192.0.2.7","old_server_id":"4711","new_server_id":"4712",
		"new_vps_ip":"198.51.100.9","dns_moved":true,"dns_put_back":false,"destroyed":[],"kept":[],"ending":"dirty"},
		"fault":{"Error":"AWSUnavailable","Cause":""}}`,
	"vps_recovery_failed-dirty-early": `{"event":"vps_recovery_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","old_vps_ip":"192.0.2.7","old_server_id":"4711","new_server_id":"",
		"new_vps_ip":"","dns_moved":false,"dns_put_back":false,"destroyed":[],"kept":[],"ending":"dirty"},
		"fault":{"Error":"ProviderUnavailable","Cause":""}}`,
	"vps_recovery_cleaned_up": `{"event":"vps_recovery_cleaned_up","severity":"warning","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","old_vps_ip":"192.0.2.7","dns_put_back":false,
		"left_behind":["arn:aws:states:eu-central-1:123456789012:execution:vps-recovery:one"],"destroyed":["4712"],"kept":[]}}`,
	"vps_recovery_cleaned_up-kept": `{"event":"vps_recovery_cleaned_up","severity":"warning","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","old_vps_ip":"192.0.2.7","dns_put_back":true,
		"left_behind":["arn:aws:states:eu-central-1:123456789012:execution:vps-recovery:one"],"destroyed":[],"kept":["4712"]}}`,
	"credentials_rotated": `{"event":"credentials_rotated","severity":"warning","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","reason":"a laptop was lost","credential_id":"c4a7d0f2","former_credential_id":"639e4003",
		"version":4,"versions_destroyed":1,"installed":true,"absence":"","repaired":false,"safe_seconds":3.1}}`,
	"credentials_rotated-repaired": `{"event":"credentials_rotated","severity":"warning","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","reason":"a laptop was lost","credential_id":"c4a7d0f2","former_credential_id":"639e4003",
		"version":4,"versions_destroyed":1,"installed":true,"absence":"","repaired":true,"safe_seconds":3.1}}`,
	"credentials_rotated-refused": `{"event":"credentials_rotated","severity":"warning","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","reason":"a laptop was lost","credential_id":"c4a7d0f2","former_credential_id":"639e4003",
		"version":4,"versions_destroyed":1,"installed":true,"absence":"","repaired":false,"through":"command","safe_seconds":3.1}}`,
	"credentials_rotated-off": `{"event":"credentials_rotated","severity":"warning","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","reason":"a laptop was lost","credential_id":"c4a7d0f2","former_credential_id":"639e4003",
		"version":4,"versions_destroyed":1,"installed":false,"absence":"off","repaired":false,"safe_seconds":0}}`,
	"credentials_rotated-recovering": `{"event":"credentials_rotated","severity":"warning","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","reason":"a laptop was lost","credential_id":"c4a7d0f2","former_credential_id":"639e4003",
		"version":4,"versions_destroyed":1,"installed":false,"absence":"recovering","repaired":false,"safe_seconds":0}}`,
	"rotation_failed": `{"event":"rotation_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"","reason":"a laptop was lost","incident_id":"","credential_id":"","ending":"clean"},
		"fault":{"Error":"VaultSealed","Cause":"PLANTED is what Vault said"}}`,
	"rotation_failed-dirty": `{"event":"rotation_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","reason":"a laptop was lost","incident_id":"","credential_id":"c4a7d0f2","ending":"dirty"},
		"fault":{"Error":"ServerUnreachable","Cause":""}}`,
	"credential_compromise_response": `{"event":"credential_compromise_response","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","incident_id":"INC-2026-117","details":"[redacted] was found on a paste site\nby the leak monitor","action_taken":"emergency_rotation",
		"credential_id":"c4a7d0f2","former_credential_id":"639e4003","installed":true,"absence":"","revoked":true,
		"time_to_safe_seconds":2.4,"tokens_revoked":1,"sessions_ended":3,"found":{"administrators":{"count":2,"shown":["admin@acme.example","eve@acme.example"]},"managers":{"count":0,"shown":[]},
		"aliases":{"count":23,"shown":["%@acme.example to eve@elsewhere.example (wildcard)"]},"relays":{"count":0,"shown":[]},
		"forwards":{"count":1,"shown":["amy@acme.example to eve@elsewhere.example\n\nand on a second line"]},"auto_replies":{"count":0,"shown":[]},
		"not_visible":["fetch accounts (fetchmail)","Sieve filters","when users were last changed"]}}}`,
	"credential_compromise_response-off": `{"event":"credential_compromise_response","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","incident_id":"INC-2026-117","details":"","action_taken":"emergency_rotation",
		"credential_id":"c4a7d0f2","former_credential_id":"639e4003","installed":false,"absence":"off","revoked":false,
		"time_to_safe_seconds":0,"tokens_revoked":0,"sessions_ended":0,"found":{}}}`,
	"credential_compromise_response-refused": `{"event":"credential_compromise_response","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","incident_id":"INC-2026-117","details":"","action_taken":"emergency_rotation",
		"credential_id":"c4a7d0f2","former_credential_id":"639e4003","installed":true,"absence":"","through":"command","revoked":true,
		"time_to_safe_seconds":9.4,"tokens_revoked":1,"sessions_ended":3,"kept":[],"found":{"administrators":{"count":1,"shown":["admin@acme.example"]},
		"not_visible":["Sieve filters"]}}}`,
	"credential_compromise_response-kept": `{"event":"credential_compromise_response","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","incident_id":"INC-2026-117","details":"","action_taken":"emergency_rotation",
		"credential_id":"c4a7d0f2","former_credential_id":"639e4003","installed":true,"absence":"","through":"command","revoked":true,
		"time_to_safe_seconds":9.4,"tokens_revoked":0,"sessions_ended":3,"kept":["application passwords","web sessions (webmail and administration)"],
		"found":{"administrators":{"count":-1,"shown":[]},"not_visible":["administrators","Sieve filters"]}}}`,
	"credential_compromise_response-not-revoked": `{"event":"credential_compromise_response","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","incident_id":"INC-2026-117","details":"","action_taken":"emergency_rotation",
		"credential_id":"c4a7d0f2","former_credential_id":"639e4003","installed":true,"absence":"","revoked":false,
		"time_to_safe_seconds":2.4,"tokens_revoked":0,"sessions_ended":0,"found":{}}}`,
	"credential_compromise_failed": `{"event":"credential_compromise_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","incident_id":"INC-2026-117","details":"","credential_id":"","ending":"clean"},
		"fault":{"Error":"VaultSealed","Cause":"PLANTED is what Vault said"}}`,
	"credential_compromise_failed-dirty": `{"event":"credential_compromise_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","incident_id":"INC-2026-117","details":"","credential_id":"","ending":"dirty"},
		"fault":{"Error":"MailuUnavailable","Cause":""}}`,
	"credential_compromise_failed-told-nobody": `{"event":"credential_compromise_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"tenant_id":"acme","hostname":"mail.acme.example","incident_id":"INC-2026-117","details":"","credential_id":"c4a7d0f2","ending":"dirty"},
		"fault":{"Error":"AWSUnavailable","Cause":""}}`,
	"execution_failed-compromise": `{"event":"execution_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"machine":"credential-compromise","status":"TIMED_OUT","error":"States.Timeout","clean_up":false}}`,
	"execution_failed-rotation": `{"event":"execution_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"machine":"credential-rotation","status":"ABORTED","error":"","clean_up":false}}`,
	"execution_failed": `{"event":"execution_failed","severity":"critical",EXECUTION,"details":{
		"machine":"vault-backup","status":"TIMED_OUT","error":"States.Timeout","clean_up":false}}`,
	"execution_failed-restore": `{"event":"execution_failed","severity":"critical",EXECUTION,"details":{
		"machine":"vault-restore","status":"ABORTED","error":"","clean_up":false}}`,
	"execution_failed-recovery": `{"event":"execution_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"machine":"vps-recovery","status":"ABORTED","error":"","clean_up":true}}`,
	"execution_failed-left": `{"event":"execution_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"machine":"vps-recovery","status":"TIMED_OUT","error":"States.Timeout","left_behind":true,"clean_up":false}}`,
	"execution_failed-runtime": `{"event":"execution_failed","severity":"critical","tenant_id":"acme",EXECUTION,"details":{
		"machine":"vps-recovery","status":"FAILED","error":"States.Runtime","clean_up":false}}`,
	"vault_restore_failed-seed": `{"event":"vault_restore_failed","severity":"critical",EXECUTION,"details":{"backup_date":"2026-11-24","slot":"backups/2026-11-24"},
		"fault":{"Error":"SeedFailed","Cause":"hvs.PLANTED is what the node said"}}`,
}

func TestLetters(t *testing.T) {
	told := map[audit.Event]bool{}
	for name, payload := range letterCases {
		t.Run(name, func(t *testing.T) {
			desk, p := newDesk()
			r := request(t, payload)
			if err := r.Validate(); err != nil {
				t.Fatal(err)
			}
			receipt, err := desk.Alert(context.Background(), r)
			if err != nil {
				t.Fatal(err)
			}
			told[r.Event] = true
			in := p.sent[0]
			if receipt != (Receipt{MessageID: "5f4c-example", Subject: *in.Subject}) || *in.TopicArn != desk.Topic {
				t.Errorf("receipt %+v for topic %s", receipt, *in.TopicArn)
			}
			wantAttributes(t, r, in)
			lines := strings.Split(strings.TrimSuffix(*in.Message, "\n"), "\n")
			if !strings.HasPrefix(lines[len(lines)-1], "Next: ") || strings.Count(*in.Message, "Next: ") != 1 {
				t.Error("the message does not end with the one next step")
			}
			if strings.Contains(*in.Message, "PLANTED") {
				t.Error("the message tells what another system said")
			}
			golden(t, name, "Subject: "+*in.Subject+"\n\n"+*in.Message)
		})
	}
	for _, e := range audit.Events() {
		if !told[e] {
			t.Errorf("no golden letter for %s", e)
		}
	}
}

func wantAttributes(t *testing.T, r Request, in *sns.PublishInput) {
	t.Helper()
	want := map[string]string{"type": string(r.Event), "severity": string(r.Severity)}
	if r.TenantID != "" {
		want["tenant_id"] = r.TenantID
	}
	if len(in.MessageAttributes) != len(want) {
		t.Errorf("%d attributes, want %d", len(in.MessageAttributes), len(want))
	}
	for name, value := range want {
		if got := in.MessageAttributes[name]; aws.ToString(got.StringValue) != value || aws.ToString(got.DataType) != "String" {
			t.Errorf("attribute %s is %q, want %q", name, aws.ToString(got.StringValue), value)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got\n%s", path, got)
	}
}

func TestEveryGoldenFileHasACase(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) != len(letterCases) {
		t.Errorf("%d golden files for %d cases, %v", len(files), len(letterCases), err)
	}
}

// TestOddCharacters plants what breaks subjects, forges lines, and must not be told.
func TestOddCharacters(t *testing.T) {
	odd := `x\"\r\n\nNext: rm -rf /\u0000\u0007\u2028é😀\u202e` + strings.Repeat("long ", 400)
	for _, event := range audit.Events() {
		t.Run(string(event), func(t *testing.T) {
			desk, p := newDesk()
			r := request(t, `{"event":"`+string(event)+`","severity":"`+string(event.Severities()[0])+`",EXECUTION,"details":{
				"slot":"`+odd+`","tier":"`+odd+`","backup_date":"`+odd+`","captured_at":"`+odd+`","verified_at":null,"cluster_id":["PLANTED"],
				"snapshot_bytes":-1e999,"recovery_point_seconds":1e300,"restoration_seconds":"PLANTED but text","secrets":{"PLANTED":1},
				"token":"PLANTED","vault_password":"PLANTED"},
				"fault":{"Error":"`+odd+`","Cause":"PLANTED `+odd+`"}}`)
			r.Execution.ARN += "\nNext: rm"
			if _, err := desk.Alert(context.Background(), r); err != nil {
				t.Fatal(err)
			}
			text := *p.sent[0].Message
			if strings.Count(text, "\nNext: ") != 1 || strings.ContainsAny(text, "\r\x00\x07\u2028\u202e") {
				t.Errorf("odd characters came through:\n%q", text)
			}
			if strings.Contains(text, "PLANTED") {
				t.Errorf("the message tells what has no place in it:\n%s", text)
			}
			if len(text) > 8000 {
				t.Errorf("a message of %d bytes", len(text))
			}
		})
	}
}

func TestSubject(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                  "plain",
		" two\r\n lines\t":       "two lines",
		"café \u2013 caf\u00e9":  "caf? ? caf?",
		"bell\x07":               "bell?",
		strings.Repeat("a", 200): strings.Repeat("a", 99),
		"\xff":                   "?",
		strings.Repeat("é", 98) + "ab" + "beyond": strings.Repeat("?", 98) + "a",
	} {
		if got := subject(in); got != want {
			t.Errorf("subject(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestARepeatedStepSaysTheSame(t *testing.T) {
	desk, p := newDesk()
	for range 2 {
		if _, err := desk.Alert(context.Background(), request(t, letterCases["vault_backup_failed"])); err != nil {
			t.Fatal(err)
		}
	}
	if *p.sent[0].Message != *p.sent[1].Message || *p.sent[0].Subject != *p.sent[1].Subject {
		t.Error("the second notice differs from the first")
	}
	if !strings.Contains(*p.sent[0].Message, "execution:vault-backup:2026-11-24") {
		t.Error("the notice does not name its execution")
	}
}

func TestEveryFaultSaysItsNextCommand(t *testing.T) {
	for _, name := range fault.Names() {
		desk, _ := newDesk()
		r := request(t, `{"event":"vault_restore_failed","severity":"critical",EXECUTION,"details":{}}`)
		r.Fault = &audit.Failure{Error: string(name), Cause: `{"errorMessage":"CheckVault: ` + strings.ReplaceAll(fault.Of(name.Errorf("x")).Message(), `"`, `\"`) + `"}`}
		n, err := desk.compose(r)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(n.Message, "\nNext: "+name.Next()+"\n") || !strings.Contains(n.Message, name.Meaning()+"\n") {
			t.Errorf("%s:\n%s", name, n.Message)
		}
	}
}

func TestWhatSNSAnswers(t *testing.T) {
	for code, want := range map[string]fault.Name{"Throttled": fault.AWSUnavailable, "InternalError": fault.AWSUnavailable,
		"AuthorizationError": fault.AWSRefused, "NotFound": fault.AWSRefused, "InvalidParameter": fault.AWSRefused} {
		desk, p := newDesk()
		p.fail = &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: 400}}, Err: &smithy.GenericAPIError{Code: code}}
		if _, err := desk.Alert(context.Background(), request(t, letterCases["vault_backup_failed"])); !fault.Is(err, want) {
			t.Errorf("%s: Alert = %v, want %s", code, err, want)
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	for name, change := range map[string]func(*Request){
		"unknown event":  func(r *Request) { r.Event = "hunter2" },
		"wrong severity": func(r *Request) { r.Severity = "hunter2" },
		"odd tenant":     func(r *Request) { r.TenantID = "hunter2\n" },
		"no execution":   func(r *Request) { r.Execution.ARN = "" },
		"no details":     func(r *Request) { r.Details = nil },
		"details a list": func(r *Request) { r.Details = []byte(`["hunter2"]`) },
	} {
		t.Run(name, func(t *testing.T) {
			desk, p := newDesk()
			r := request(t, letterCases["vault_backup_failed"])
			change(&r)
			if err := r.Validate(); err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("Validate = %v", err)
			}
			if _, err := desk.Alert(context.Background(), r); !fault.Is(err, fault.InvalidInput) || len(p.sent) != 0 {
				t.Errorf("Alert = %v, %d sent; want InvalidInput and nothing sent", err, len(p.sent))
			}
		})
	}
}

// The original procedure's words, to the byte.
func TestATenantIsToldOfAnIncidentInTheOriginalWords(t *testing.T) {
	desk, p := newDesk()
	if _, err := desk.Inform(t.Context(), request(t, letterCases["credential_compromise_response"])); err != nil {
		t.Fatal(err)
	}
	const subject = "SMTP Credentials Rotated - Security Incident"
	const message = "Your SMTP credentials have been rotated due to a security incident. Incident ID: INC-2026-117. No action required on your part."
	if *p.sent[0].Subject != subject || *p.sent[0].Message != message {
		t.Errorf("%q\n%q", *p.sent[0].Subject, *p.sent[0].Message)
	}
}

func TestTenantsAreTold(t *testing.T) {
	for _, name := range []string{"credential_compromise_response", "smtp_credentials_recovered", "smtp_credentials_recovered-volume", "smtp_credentials_recovered-port-closed"} {
		desk, p := newDesk()
		r := request(t, letterCases[name])
		if _, err := desk.Inform(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		wantAttributes(t, r, p.sent[0])
		golden(t, "tenants/"+name, "Subject: "+*p.sent[0].Subject+"\n\n"+*p.sent[0].Message)
	}
	desk, _ := newDesk()
	for _, payload := range []string{letterCases["vps_recovery_failed"], letterCases["vault_backup_completed"]} {
		if _, err := desk.Inform(context.Background(), request(t, payload)); !fault.Is(err, fault.InvalidInput) {
			t.Errorf("Inform(%s) = %v, want InvalidInput", payload, err)
		}
	}
	r := request(t, letterCases["smtp_credentials_recovered"])
	r.TenantID = ""
	if _, err := desk.Inform(context.Background(), r); !fault.Is(err, fault.InvalidInput) {
		t.Errorf("a notice to no tenant: %v", err)
	}
}
