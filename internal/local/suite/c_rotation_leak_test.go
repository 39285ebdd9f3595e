//go:build platform

package suite

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// More acts of TestCompromise.

// untaken: as long as the audit table takes nothing the password is replaced all the same and everybody told, also that the
// record may be missing. It is not lost: the execution's history has it, and RecordAudit writes it without another rotation.
func untaken(t *testing.T, l *leak) {
	refusal := faults.Answer(http.StatusBadRequest, "application/x-amz-json-1.0", `{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","message":"no"}`)
	trail := w.Faults.AWS.Add(faults.Rule{Caller: "pmdr-record-audit", Action: "TransactWriteItems", Strikes: []faults.Strike{refusal}})
	r := respond(t, incident("INC-6", "the trail takes nothing"))
	trail.Remove()
	if r.Error != "FailedDirty" || !strings.HasPrefix(r.Cause, "the audit trail could not take the record of this failure") {
		t.Error(w.desk.Explain(t.Context(), r))
	}
	took(t, r, slices.Concat(withServer, []string{"RecordAudit", "Rotated but not finished", "NotifyTenantUnfinished", "AlertSecurityUnfinished"}, dirtied)...)
	l.renew(t)
	if events, _ := recordedOf(t, "INC-6"); len(events) != 0 {
		t.Errorf("the trail holds %v", events)
	}
	told(t, w.tenants, "credential_compromise_response", "Incident ID: INC-6.")
	if m := mail(t, w.security, "credential_compromise_response", r); !strings.Contains(m.Message, "incident_id:           INC-6\n") {
		t.Errorf("the security team reads\n%s", m.Message)
	}
	if m := mail(t, w.operations, "credential_compromise_failed", r); !strings.Contains(m.Message, "the record may be missing") || !strings.Contains(m.Message, "AWSRefused") {
		t.Errorf("the operators read\n%s", m.Message)
	}
	out, err := lambda.NewFromConfig(w.AWS).Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("pmdr-record-audit"), Payload: handed(t, r, "RecordAudit"),
	})
	if err != nil || out.FunctionError != nil {
		t.Fatalf("the record cannot be made good: %s, %v", out.Payload, err)
	}
	events, record := recordedOf(t, "INC-6")
	if !slices.Equal(events, []audit.Event{audit.CredentialCompromiseResponse}) || !strings.Contains(string(record.Details), `"details":"the trail takes nothing"`) ||
		!strings.Contains(string(record.Details), `"credential_id":"`+registered(t, l.ID).CredentialID+`"`) {
		t.Errorf("the trail holds %v, %s", events, record.Details)
	}
	l.unchanged(t)
}

// handed is what a state of a response handed to its function: Step Functions' history has it (LambdaFunctionScheduled), the
// engine here has what the state was given.
func handed(t *testing.T, r runbook.Result, state string) []byte {
	t.Helper()
	described, err := w.desk.States.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: aws.String(w.Outputs["CredentialCompromiseArn"])})
	if err != nil {
		t.Fatal(err)
	}
	run, err := w.desk.States.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &r.ARN})
	if err != nil {
		t.Fatal(err)
	}
	var definition struct {
		States map[string]struct{ Parameters map[string]any }
	}
	if err := json.Unmarshal([]byte(aws.ToString(described.Definition)), &definition); err != nil {
		t.Fatal(err)
	}
	events, err := w.desk.Events(t.Context(), r.ARN)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if entered := e.StateEnteredEventDetails; entered != nil && aws.ToString(entered.Name) == state {
			var input any
			if err := json.Unmarshal([]byte(aws.ToString(entered.Input)), &input); err != nil {
				t.Fatal(err)
			}
			payload, err := json.Marshal(fill(t, definition.States[state].Parameters, input, map[string]any{
				"Execution": map[string]any{"Id": r.ARN, "StartTime": run.StartDate.UTC()}, "State": map[string]any{"Name": state},
			}))
			if err != nil {
				t.Fatal(err)
			}
			return payload
		}
	}
	t.Fatalf("the run did not come to %s", state)
	return nil
}

// unrevoked: the leaked password is worthless, and an application password is not yet.
func unrevoked(t *testing.T, l *leak) {
	token, _ := l.mailu(t, "tokenuser/"+l.Address(), `{"comment":"not yours"}`)["token"].(string)
	byToken := *l.MailTenant
	byToken.Password = secret.New(token)
	down := w.Faults.Mailu.Add(faults.Rule{Path: "/api/v1/tokenuser/", Strikes: []faults.Strike{faults.Answer(http.StatusBadGateway, "text/html", "<html>502</html>")}})
	r := respond(t, incident("INC-7", "Mailu is down in the end"))
	down.Remove()
	ended(t, r, "FailedDirty", "MailuUnavailable", slices.Concat(withServer, []string{"Rotated but not finished", "NotifyTenantUnfinished", "AlertSecurityUnfinished"}, dirtied)...)
	l.renew(t)
	if err := w.Mail.Client(byToken).IMAPS(t.Context()); err != nil {
		t.Errorf("the application password: %v", err)
	}
	if m := mail(t, w.security, "credential_compromise_response", r); !strings.Contains(m.Message, "application passwords still open the mailbox") {
		t.Errorf("the security team reads\n%s", m.Message)
	}
	succeeded(t, respond(t, incident("INC-7", "Mailu is up")))
	l.renew(t)
	if err := w.Mail.Client(byToken).IMAPS(t.Context()); err == nil {
		t.Error("the application password still opens the mailbox")
	}
}

// shutOut: Vault holds another token than the server's. Everything is done over SSH, and the API asked once.
func shutOut(t *testing.T, l *leak) {
	ctx := t.Context()
	thief, err := w.Mail.Client(*l.MailTenant).Stay(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer thief.End()
	token, _ := l.mailu(t, "tokenuser/"+l.Address(), `{"comment":"not yours"}`)["token"].(string)
	byToken := *l.MailTenant
	byToken.Password = secret.New(token)
	if err := w.Mail.Client(byToken).IMAPS(ctx); err != nil {
		t.Fatalf("the application password: %v", err)
	}
	l.otherToken(t)
	asked := w.Faults.Mailu.Add(faults.Rule{Path: "/api/v1/"}) // strikes nothing, and counts
	ran := len(w.Mail.Provider.Commands())

	r := respond(t, incident("INC-8", "on a paste site: "+l.Password.Reveal()))
	asked.Remove()
	succeeded(t, r)
	took(t, r, answered...)
	l.renew(t)
	t.Logf("safe after %s s, through %s", field(t, r, "outcome", "time_to_safe_seconds"), field(t, r, "set", "through"))
	if err := w.Mail.Client(*l.MailTenant).All(ctx); err != nil {
		t.Errorf("with the new password: %v", err)
	}
	if thief.Look() == nil {
		t.Error("the open session goes on")
	}
	if err := w.Mail.Client(byToken).IMAPS(ctx); err == nil {
		t.Error("the application password still opens the mailbox")
	}
	for _, step := range []string{"set", "committed", "revoked"} {
		if got := field(t, r, step, "through"); got != "command" {
			t.Errorf("%s went through %q", step, got)
		}
	}
	if asked.Struck() != 1 {
		t.Errorf("an API that refuses was asked %d times", asked.Struck())
	}
	commands := strings.Join(w.Mail.Provider.Commands()[ran:], "\n")
	if !strings.Contains(commands, "flask mailu config-import ") || strings.Contains(commands, l.Password.Reveal()) {
		t.Errorf("what ran on the server:\n%s", commands)
	}
	if got := field(t, r, "revoked", "kept"); got != "[]" {
		t.Errorf("kept: %s", got)
	}
	report := mail(t, w.security, "credential_compromise_response", r)
	for _, line := range []string{
		"Way to Mailu:          its own command, over SSH: the API refuses\n", "App passwords deleted: 1\n", "Sessions ended:        1\n",
		"Global administrators: 1\n                       " + l.Address() + "\n", "to thief@elsewhere.example\n",
	} {
		if !strings.Contains(report.Message, line) {
			t.Errorf("the security team does not read %q in\n%s", line, report.Message)
		}
	}
	if events, record := recordedOf(t, "INC-8"); !slices.Equal(events, []audit.Event{audit.CredentialCompromiseResponse}) || !strings.Contains(string(record.Details), `"through":"command"`) {
		t.Errorf("the trail holds %v, %s", events, record.Details)
	}
}

// otherToken puts another API token than the server's into Vault, for the rest of the test.
func (l *leak) otherToken(t *testing.T) {
	t.Helper()
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	tokens, path := client.KVv2("vps"), l.ID+"/mailu_api"
	was, err := tokens.Get(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	other := platform.NewPassword()
	w.planted["a token that is not the server's"] = other
	if _, err := tokens.Put(t.Context(), path, map[string]any{"token": other.Reveal()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := tokens.Put(context.WithoutCancel(t.Context()), path, was.Data); err != nil {
			t.Error(err)
		}
	})
}
