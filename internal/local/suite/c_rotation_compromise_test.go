//go:build platform

package suite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/inbox"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vps"
	"github.com/penguinmails/disaster-recovery/internal/watch"
)

// The ways through credential-compromise.
var (
	claimed    = []string{"Take the request", "ClaimIncident", "The request is read", "Answered already?"}
	replaced   = []string{"StageCredentials", "Is the server there?", "SetCredentials", "TestCredentials", "CommitCredentials", "What came of it", "Has the server the password?", "RevokeAccess"}
	answered   = slices.Concat(claimed, replaced, []string{"RecordAudit", "NotifyTenant", "AlertSecurity", "AlertOperations", "StartBackup", "Was it measured?", "PutTimeToSafe", "Succeeded"})
	before     = append(slices.Clone(claimed), "Succeeded")
	joins      = append(slices.Clone(claimed), "RecordAuditJoined", "AlertSecurityJoined", "Succeeded")
	turnedAway = slices.Concat(claimed[:2], []string{"The request is refused"}, dirtied[2:5], []string{"Clean or dirty?", "FailedClean"})
	dirtied    = []string{"RecordAuditUnfinished", "StartBackupUnfinished", "RecordAuditFailure", "AlertSecurityOfFailure", "AlertOperationsOfFailure", "Clean or dirty?", "FailedDirty"}
	withServer = slices.Concat(claimed, replaced)
)

// leak is a tenant of these tests alone, whose password leaks again and again.
type leak struct {
	*platform.MailTenant
	former []secret.String
}

func respond(t *testing.T, input string) runbook.Result {
	return runMachine(t, "CredentialCompromiseArn", input)
}

// incident is an input, with details.
func incident(id, details string) string {
	return fmt.Sprintf(`{"tenant_id":"penny","incident_id":%q,"compromise_details":%q,"requested_by":"mira"}`, id, details)
}

// renew goes on with the password that Vault holds now, which must be another one; the former one must open nothing.
func (l *leak) renew(t *testing.T) {
	t.Helper()
	now, err := w.Credential(t.Context(), l.ID)
	if err != nil {
		t.Fatal(err)
	}
	if now.Password.Reveal() == l.Password.Reveal() {
		t.Fatal("Vault holds the leaked password")
	}
	former := w.Mail.Client(*l.MailTenant)
	l.former = append(l.former, l.Password)
	w.planted[fmt.Sprintf("leaked password %d", len(l.former))] = l.Password
	l.Password = now.Password
	w.planted["password after a leak"] = l.Password
	for way, try := range map[string]func(context.Context) error{
		"IMAPS": former.IMAPS, "submission at 465": former.SMTPS, "submission at 587": former.STARTTLS, "webmail": former.Webmail,
	} {
		if err := try(t.Context()); err == nil {
			t.Errorf("%s takes the leaked password", way)
		}
	}
	if named := registered(t, l.ID).CredentialID; named != now.ID {
		t.Errorf("the registry names %s, Vault holds %s", named, now.ID)
	}
}

// unchanged sees that nothing was rotated.
func (l *leak) unchanged(t *testing.T) {
	t.Helper()
	now, err := w.Credential(t.Context(), l.ID)
	if err != nil || now.Password.Reveal() != l.Password.Reveal() {
		t.Errorf("the password was changed, %v", err)
	}
}

// mailu calls the API of the tenant's server as its administrator's owner does.
func (l *leak) mailu(t *testing.T, path, body string) (answer map[string]any) {
	t.Helper()
	url := fmt.Sprintf("http://%s:8080/api/v1/%s", registered(t, l.ID).VPS.IP, path)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+l.Planted[l.ID+"/mailu_api token"].Reveal())
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("POST %s: %s, %v", path, response.Status, err)
	}
	return answer
}

// told waits for a notice in which the text stands.
func told(t *testing.T, box inbox.Inbox, kind, text string) inbox.Mail {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		for _, m := range w.mails {
			if m.Attributes["type"] == kind && strings.Contains(m.Message, text) {
				return m
			}
		}
		mails, err := box.Next(ctx)
		if err != nil {
			t.Fatalf("no notice %s with %q: %v", kind, text, err)
		}
		w.mails = append(w.mails, mails...)
	}
}

// recordedOf are the records of an incident.
func recordedOf(t *testing.T, id string) (events []audit.Event, last audit.Record) {
	t.Helper()
	for _, r := range records(t) {
		if r.TenantID == "penny" && strings.Contains(string(r.Details), fmt.Sprintf(`"incident_id":%q`, id)) {
			events, last = append(events, r.Event), r
		}
	}
	return events, last
}

// detect puts an event on the bus of the detectors.
func detect(t *testing.T, detail string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"Entries": []any{map[string]any{
		"EventBusName": w.Outputs["Detectors"], "Source": "penguinmails.leak-monitor", "DetailType": "credential.compromised", "Detail": detail,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.Engine.Endpoint, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	request.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
	credentials, err := w.AWS.Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, request, hex.EncodeToString(sum[:]), "events", w.AWS.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ FailedEntryCount int }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK || answer.FailedEntryCount != 0 {
		t.Fatalf("the event is refused: %s, %+v, %v", response.Status, answer, err)
	}
}

func startedBy(t *testing.T, contains string) runbook.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := w.desk.WaitForInput(ctx, w.Outputs["CredentialCompromiseArn"], contains)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCompromise is one story in acts, of one tenant.
func TestCompromise(t *testing.T) {
	made, err := w.OnboardMail(t.Context(), "penny")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range made.Planted {
		w.planted[name] = s
	}
	t.Cleanup(func() { unregister(t, "penny") })
	pace(t, hurried)
	t.Cleanup(func() { pace(t, 1) })
	l := &leak{MailTenant: &made}
	for _, act := range []struct {
		name string
		run  func(*testing.T, *leak)
	}{
		{"what is no incident is refused", refuses},
		{"a detector's report starts it, later ones join", detects},
		{"a leaked password is worthless within seconds", worthless},
		{"the same incident is answered once", once},
		{"a refusing SNS keeps nobody from being safe", unheard},
		{"a throttled trail loses no record", throttled},
		{"a trail that takes nothing stops no response, and is made good", untaken},
		{"a Mailu that is down is gone on with", halfDone},
		{"what could not be revoked is revoked by the next run", unrevoked},
		{"a Mailu whose API refuses is reached by its own command", shutOut},
		{"a server that is off is not waited for", switchedOff},
	} {
		if !t.Run(act.name, func(t *testing.T) { act.run(t, l) }) {
			return // the next act goes on from where this one was to end
		}
	}
}

func refuses(t *testing.T, l *leak) {
	for name, tt := range map[string]struct{ input, fault, says string }{
		"no incident":    {`{"tenant_id":"penny"}`, "InvalidInput", "incident_id"},
		"an odd one":     {`{"tenant_id":"penny","incident_id":"a b"}`, "InvalidInput", "incident_id"},
		"two of them":    {`{"tenant_id":"penny","incident_id":"INC-0","incident_id":"INC-1"}`, "InvalidInput", "twice"},
		"unknown field":  {`{"tenant_id":"penny","incident_id":"INC-0","password":"x"}`, "InvalidInput", "password"},
		"nobody's":       {`{"tenant_id":"nobody","incident_id":"INC-0"}`, "TenantUnknown", "nobody"},
		"a long story":   {incident("INC-0", strings.Repeat("x", 1025)), "InvalidInput", "compromise_details"},
		"a quoting fool": {fmt.Sprintf(`{"tenant_id":"penny","compromise_details":%q}`, l.Password.Reveal()), "InvalidInput", "incident_id"},
	} {
		r := respond(t, tt.input)
		ended(t, r, "FailedClean", tt.fault, turnedAway...)
		if !strings.Contains(r.Cause, tt.says) {
			t.Errorf("%s: the cause does not say %q: %s", name, tt.says, r.Cause)
		}
	}
	l.unchanged(t)
}

func detects(t *testing.T, l *leak) {
	detect(t, `{"tenant_id":"penny","compromise_details":"which incident?"}`)
	queues := sqs.NewFromConfig(w.AWS)
	url, err := queues.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("pmdr-undelivered-starts")})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "an event without an incident is kept", func() bool {
		got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url.QueueUrl, WaitTimeSeconds: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range got.Messages {
			if strings.Contains(aws.ToString(m.Body), "which incident?") {
				_, err := queues.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: url.QueueUrl, ReceiptHandle: m.ReceiptHandle})
				return err == nil
			}
		}
		return false
	})

	detect(t, `{"tenant_id":"penny","incident_id":"D-1","compromise_details":"seen \"there\""}`)
	r := startedBy(t, `"incident_id":"D-1"`)
	succeeded(t, r)
	took(t, r, answered...)
	for name, want := range map[string]string{"requested_by": "penguinmails.leak-monitor", "reason": "credential.compromised", "details": `seen "there"`} {
		if got := field(t, r, "claimed", name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	l.renew(t)
	told(t, w.tenants, "credential_compromise_response", "Incident ID: D-1.")
	detect(t, `{"tenant_id":"penny","incident_id":"D-2","compromise_details":"seen elsewhere"}`)
	joined := startedBy(t, `"incident_id":"D-2"`)
	succeeded(t, joined)
	took(t, joined, joins...)
	if got := field(t, joined, "claimed", "first", "execution"); got != r.ARN {
		t.Errorf("it has joined %s", got)
	}
	if m := mail(t, w.security, "credential_compromise_joined", joined); !strings.Contains(m.Message, "D-2") || !strings.Contains(m.Message, r.ARN) {
		t.Errorf("the security team reads\n%s", m.Message)
	}
	if events, record := recordedOf(t, "D-2"); !slices.Equal(events, []audit.Event{audit.CredentialCompromiseJoined}) || !strings.Contains(string(record.Details), r.ARN) {
		t.Errorf("the trail holds %v, %s", events, record.Details)
	}
	l.unchanged(t)
}

func worthless(t *testing.T, l *leak) {
	ctx := t.Context()
	if err := w.Mail.Client(*l.MailTenant).All(ctx); err != nil {
		t.Fatal(err)
	}
	// Whoever holds the leaked password is in, has made himself an application password and an alias.
	thief, err := w.Mail.Client(*l.MailTenant).Stay(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer thief.End()
	token, _ := l.mailu(t, "tokenuser/"+l.Address(), `{"comment":"not yours"}`)["token"].(string)
	l.mailu(t, "alias", `{"email":"all@`+l.Domain+`","destination":["thief@elsewhere.example"]}`)
	byToken := *l.MailTenant
	byToken.Password = secret.New(token)
	if err := w.Mail.Client(byToken).IMAPS(ctx); err != nil || thief.Look() != nil {
		t.Fatalf("the application password: %v", err)
	}

	stream := w.Mail.Sender.Stream("they@sender.example", l.Address())
	r := respond(t, incident("INC-1", "the password "+l.Password.Reveal()+" is on a paste site"))
	mails, err := stream.Stop()
	if err != nil || mails == 0 {
		t.Errorf("mail did not flow: %d messages, then %v", mails, err)
	}
	succeeded(t, r)
	took(t, r, answered...)
	safe, err := strconv.ParseFloat(field(t, r, "outcome", "time_to_safe_seconds"), 64)
	if err != nil || safe <= 0 {
		t.Errorf("time to safe: %v, %v", safe, err)
	}
	t.Logf("safe after %.1f s, ended after %.1f s, %d messages taken at once meanwhile", safe, r.Seconds(), mails)
	l.renew(t)
	if err := w.Mail.Client(*l.MailTenant).All(ctx); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	if thief.Look() == nil {
		t.Error("the open session goes on")
	}
	if err := w.Mail.Client(byToken).IMAPS(ctx); err == nil {
		t.Error("the application password still opens the mailbox")
	}

	const details = "the password [redacted] is on a paste site"
	if got := field(t, r, "claimed", "details"); got != details {
		t.Errorf("the details became %q", got)
	}
	letter := told(t, w.tenants, "credential_compromise_response", "Incident ID: INC-1.")
	if letter.Subject != "SMTP Credentials Rotated - Security Incident" || letter.Attributes["tenant_id"] != "penny" || letter.Message !=
		"Your SMTP credentials have been rotated due to a security incident. Incident ID: INC-1. No action required on your part." {
		t.Errorf("the tenant reads %+v", letter)
	}
	report := mail(t, w.security, "credential_compromise_response", r)
	for _, line := range []string{
		"type:                  credential_compromise_response\n", "tenant_id:             penny\n", "incident_id:           INC-1\n",
		"details:               " + details + "\n", "action_taken:          emergency_rotation\n", "App passwords deleted: 1\n", "Sessions ended:        1\n",
		"Global administrators: 1\n                       " + l.Address() + "\n",
		"Aliases:               1\n                       all@" + l.Domain + " to thief@elsewhere.example\n",
		"\nNext: go through these lists with the tenant, and remove at https://" + l.Hostname + "/admin what nobody there has made\n",
	} {
		if !strings.Contains(report.Message, line) {
			t.Errorf("the security team does not read %q in\n%s", line, report.Message)
		}
	}
	mail(t, w.operations, "credentials_rotated", r)
	events, record := recordedOf(t, "INC-1")
	if !slices.Equal(events, []audit.Event{audit.CredentialCompromiseResponse}) || record.Severity != audit.Critical || record.UserID != "mira" ||
		!strings.Contains(string(record.Details), details) || !strings.Contains(string(record.Details), `"time_to_safe_seconds":`) {
		t.Errorf("the trail holds %v, %s", events, record.Details)
	}
	// The backup of these five minutes: this response's own, or that of a change before it.
	saved, err := w.desk.Wait(ctx, field(t, r, "backup", "execution"))
	if err != nil {
		t.Fatal(err)
	}
	succeeded(t, saved)
	measured(t)
}

// measured sees the time to safe as a metric.
func measured(t *testing.T) {
	t.Helper()
	metrics := cloudwatch.NewFromConfig(w.AWS)
	await(t, "the metric TimeToSafe", func() bool {
		out, err := metrics.GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
			Namespace: aws.String(watch.Namespace), MetricName: aws.String("TimeToSafe"), Period: aws.Int32(60),
			StartTime: aws.Time(time.Now().Add(-10 * time.Minute)), EndTime: aws.Time(time.Now().Add(time.Minute)),
			Statistics: []cwtypes.Statistic{cwtypes.StatisticMaximum},
		})
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(out.Datapoints, func(d cwtypes.Datapoint) bool { return aws.ToFloat64(d.Maximum) > 0 })
	})
}

func once(t *testing.T, l *leak) {
	r := respond(t, incident("INC-1", "again"))
	succeeded(t, r)
	took(t, r, before...)
	first, err := w.Credential(t.Context(), l.ID)
	if err != nil || field(t, r, "claimed", "first", "outcome", "credential_id") != first.ID || field(t, r, "claimed", "first", "status") != "SUCCEEDED" {
		t.Errorf("answered with %s, %v", r.Output, err)
	}
	if got := field(t, r, "claimed", "details"); !strings.Contains(got, "[redacted]") {
		t.Errorf("the details are not the first ones: %q", got)
	}
	if events, _ := recordedOf(t, "INC-1"); len(events) != 1 {
		t.Errorf("the trail holds %v", events)
	}
	l.unchanged(t)
}

// deniedBySNS is how SNS refuses a permission.
var deniedBySNS = faults.Answer(http.StatusForbidden, "text/xml",
	`<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>`)

func unheard(t *testing.T, l *leak) {
	rule := w.Faults.AWS.Add(faults.Rule{Caller: "pmdr-notify-tenant", Action: "Publish", Strikes: []faults.Strike{deniedBySNS}})
	r := respond(t, incident("INC-2", "SNS refuses"))
	rule.Remove()
	ended(t, r, "FailedDirty", "AWSRefused", slices.Concat(withServer, []string{"RecordAudit", "NotifyTenant", "Rotated but the tenant not told", "AlertSecurityUnfinished"}, dirtied)...)
	l.renew(t)
	if m := mail(t, w.security, "credential_compromise_response", r); !strings.Contains(m.Message, "incident_id:           INC-2\n") {
		t.Errorf("the security team reads\n%s", m.Message)
	}
	if events, _ := recordedOf(t, "INC-2"); !slices.Equal(events, []audit.Event{audit.CredentialCompromiseResponse, audit.CredentialCompromiseFailed}) {
		t.Errorf("the trail holds %v", events)
	}
	again := respond(t, incident("INC-2", "SNS refuses no more"))
	succeeded(t, again)
	if field(t, again, "claimed", "taken_over") != "true" || field(t, again, "claimed", "details") != "SNS refuses" {
		t.Errorf("the second run: %s", again.Output)
	}
	l.renew(t)
	told(t, w.tenants, "credential_compromise_response", "Incident ID: INC-2.")
}

func throttled(t *testing.T, l *leak) {
	busy := faults.Answer(http.StatusBadRequest, "application/x-amz-json-1.0", `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}`)
	trail := w.Faults.AWS.Add(faults.Rule{Caller: "pmdr-record-audit", Action: "TransactWriteItems", Strikes: []faults.Strike{busy}})
	relief := w.Faults.AWS.Add(faults.Rule{Caller: "pmdr-notify-tenant", Action: "Publish", Strikes: []faults.Strike{faults.Before(trail.Remove)}})
	r := respond(t, incident("INC-3", "the trail is busy"))
	relief.Remove()
	trail.Remove()
	ended(t, r, "FailedDirty", "AWSUnavailable", slices.Concat(withServer, []string{"RecordAudit", "Rotated but not finished", "NotifyTenantUnfinished", "AlertSecurityUnfinished"}, dirtied)...)
	l.renew(t)
	if events, _ := recordedOf(t, "INC-3"); !slices.Equal(events, []audit.Event{audit.CredentialCompromiseResponse, audit.CredentialCompromiseFailed}) {
		t.Errorf("the trail holds %v", events)
	}
	told(t, w.tenants, "credential_compromise_response", "Incident ID: INC-3.")
}

func halfDone(t *testing.T, l *leak) {
	down := w.Faults.Mailu.Add(faults.Rule{Method: http.MethodPatch, Strikes: []faults.Strike{faults.Answer(http.StatusInternalServerError, "application/json", `{"message": "Internal Server Error"}`)}})
	r := respond(t, incident("INC-4", "Mailu is down"))
	down.Remove()
	ended(t, r, "FailedDirty", "MailuUnavailable", slices.Concat(claimed, replaced[:3], []string{"It is half done"}, dirtied[2:])...)
	l.unchanged(t)
	if m := mail(t, w.security, "credential_compromise_failed", r); !strings.Contains(m.Message, "may still open the mailbox") {
		t.Errorf("the security team reads\n%s", m.Message)
	}
	again := respond(t, incident("INC-4", "Mailu is up"))
	succeeded(t, again)
	if field(t, again, "staged", "taken_over") != "true" {
		t.Errorf("the second run began anew: %s", again.Output)
	}
	l.renew(t)
	if err := w.Mail.Client(*l.MailTenant).IMAPS(t.Context()); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	told(t, w.tenants, "credential_compromise_response", "Incident ID: INC-4.")
}

func switchedOff(t *testing.T, l *leak) {
	token, err := secretsmanager.NewFromConfig(w.AWS).GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String(w.Outputs["ProviderToken"])})
	if err != nil {
		t.Fatal(err)
	}
	console, err := vps.New(vps.Options{Token: secret.New(aws.ToString(token.SecretString)), Endpoint: w.Mail.At.Provider})
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.ParseInt(l.VPS.ID, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := console.PowerOff(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	await(t, "the server is off", func() bool {
		s, err := console.Get(t.Context(), id)
		return err == nil && s.State == vps.Off
	})
	r := respond(t, incident("INC-5", "the server is off"))
	if r.Status != types.ExecutionStatusSucceeded {
		t.Fatal(w.desk.Explain(t.Context(), r))
	}
	took(t, r, slices.Concat(claimed, []string{
		"StageCredentials", "Is the server there?", "CommitCredentials", "What came of it", "Has the server the password?",
		"RecordAudit", "NotifyTenant", "AlertSecurity", "AlertOperations", "StartBackup", "Was it measured?", "Succeeded",
	})...)
	l.renew(t) // nobody gets in: nobody is there
	told(t, w.tenants, "credential_compromise_response", "Incident ID: INC-5.")
	if m := mail(t, w.security, "credential_compromise_response", r); !strings.Contains(m.Message, "it is switched off. Nothing was revoked there") {
		t.Errorf("the security team reads\n%s", m.Message)
	}
}
