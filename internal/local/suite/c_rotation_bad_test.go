//go:build platform

package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
)

// On each of these days something fails once, on one side of its effect, and the run goes on by itself.
func TestRotationOnBadDays(t *testing.T) {
	tenant := mailTenant(t)
	const limited = `{"message": "Too many attempts from your IP (rate-limit)"}`
	for name, day := range map[string]struct {
		proxy *faults.Proxy
		rule  faults.Rule
	}{
		"the staged credential's write is not answered": {w.Faults.Vault, faults.Rule{
			Caller: "pmdr-stage-credentials", Method: "PUT", Path: "/v1/smtp/data/acme/admin-pending", Strikes: []faults.Strike{faults.CutAfter}}},
		"Mailu changes the password and does not answer": {w.Faults.Mailu, faults.Rule{
			Method: "PATCH", Path: "/api/v1/user/admin@acme", Strikes: []faults.Strike{faults.CutAfter}}},
		"Mailu is busy with an attacker": {w.Faults.Mailu, faults.Rule{
			Method: "GET", Path: "/api/v1/user/admin@acme", Strikes: []faults.Strike{faults.Answer(429, "application/json", limited)}}},
		"the commit is not answered by Vault": {w.Faults.Vault, faults.Rule{
			Caller: "pmdr-commit-credentials", Method: "PUT", Path: "/v1/smtp/data/acme/admin", Strikes: []faults.Strike{faults.CutAfter}}},
		"the registry takes the commit and does not answer": {w.Faults.AWS, faults.Rule{
			Caller: "pmdr-commit-credentials", Action: "UpdateItem", Strikes: []faults.Strike{faults.CutAfter}}},
		"the destruction of what was replaced fails": {w.Faults.Vault, faults.Rule{
			Caller: "pmdr-commit-credentials", Method: "PUT", Path: "/v1/smtp/destroy/", Strikes: []faults.Strike{faults.CutBefore}}},
	} {
		t.Run(name, func(t *testing.T) {
			day.rule.Times = 1
			rule := day.proxy.Add(day.rule)
			defer rule.Remove()
			r := rotate(t, `{"tenant_id":"acme","reason":"a bad day"}`)
			succeeded(t, r)
			if rule.Struck() != 1 {
				t.Errorf("it was struck %d times", rule.Struck())
			}
			rotated(t, tenant)
		})
	}
}

// halfway is how a rotation ends that has stopped in a state and may have given the server the new password.
func halfway(state string) []string {
	return append(slices.Clone(rotating[:slices.Index(rotating, state)+1]),
		"It is half done", "RecordAuditFailure", "AlertSecurityOfFailure", "AlertOperationsOfFailure", "Clean or dirty?", "FailedDirty")
}

// Mailu is down for longer than a step tries, whichever step it is: nobody is locked out, for Vault holds what the server has,
// and the next run goes on.
func TestRotationWhileMailuIsDown(t *testing.T) {
	tenant := mailTenant(t)
	pace(t, hurried)
	t.Cleanup(func() { pace(t, 1) })
	for state, tt := range map[string]struct {
		looks     int // at the user's hash before the step
		takenOver string
	}{
		"SetCredentials":    {0, "true"},
		"TestCredentials":   {2, "true"},
		"CommitCredentials": {3, "false"}, // it is in Vault and in the registry by then
	} {
		t.Run(state, func(t *testing.T) {
			rule := w.Faults.Mailu.Add(faults.Rule{
				Method: http.MethodGet, Path: "/api/v1/user/admin@acme", Skip: tt.looks,
				Strikes: []faults.Strike{faults.Answer(http.StatusBadGateway, "text/html", "<html>502</html>")},
			})
			r := rotate(t, `{"tenant_id":"acme","reason":"Mailu is down"}`)
			rule.Remove()
			ended(t, r, "FailedDirty", "MailuUnavailable", halfway(state)...)
			again := rotate(t, `{"tenant_id":"acme","reason":"Mailu is up"}`)
			succeeded(t, again)
			if got := field(t, again, "staged", "taken_over"); got != tt.takenOver {
				t.Errorf("taken over: %s", got)
			}
			rotated(t, tenant)
		})
	}
}

// Vault is sealed when the server has the new password already.
func TestRotationMeetsASealedVault(t *testing.T) {
	tenant := mailTenant(t)
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	strike(t, w.Faults.Mailu, faults.Rule{
		Method: http.MethodPatch, Path: "/api/v1/user/admin@acme", Times: 1,
		Strikes: []faults.Strike{faults.After(func() {
			if err := client.Sys().SealWithContext(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})},
	})
	r := rotate(t, `{"tenant_id":"acme","reason":"Vault is sealed midway"}`)
	if err := vaultserver.Unseal(t.Context(), client, w.Keys.Shares); err != nil {
		t.Fatal(err)
	}
	if err := vaultserver.WaitActive(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	ended(t, r, "FailedDirty", "VaultSealed", halfway("TestCredentials")...)
	if err := w.Mail.Client(*tenant).IMAPS(t.Context()); err == nil {
		t.Error("the former password opens the mailbox")
	}
	again := rotate(t, `{"tenant_id":"acme","reason":"Vault is unsealed"}`)
	succeeded(t, again)
	if field(t, again, "staged", "taken_over") != "true" || field(t, again, "set", "changed") != "false" {
		t.Errorf("the second run began anew: %s", again.Output)
	}
	rotated(t, tenant)
}

// Somebody writes the secret by hand in the very moment of the commit: the staged credential was based on another version, and
// is not committed any more.
func TestRotationMeetsAnotherWriter(t *testing.T) {
	tenant := mailTenant(t)
	client, err := w.Root()
	if err != nil {
		t.Fatal(err)
	}
	secrets, named := client.KVv2("smtp"), registered(t, "acme").CredentialID
	strike(t, w.Faults.Vault, faults.Rule{
		Caller: "pmdr-commit-credentials", Method: http.MethodPut, Path: "/v1/smtp/data/acme/admin", Times: 1,
		Strikes: []faults.Strike{faults.Before(func() {
			ctx := context.WithoutCancel(t.Context())
			now, err := secrets.Get(ctx, "acme/admin")
			if err == nil {
				_, err = secrets.Put(ctx, "acme/admin", now.Data)
			}
			if err != nil {
				t.Error(err)
			}
		})},
	})
	ended(t, rotate(t, `{"tenant_id":"acme","reason":"a writer comes first"}`), "FailedDirty", "RotationOvertaken", halfway("CommitCredentials")...)
	if now := registered(t, "acme").CredentialID; now != named {
		t.Errorf("the registry names %s, and named %s", now, named)
	}
	succeeded(t, rotate(t, `{"tenant_id":"acme","reason":"nobody comes first"}`))
	rotated(t, tenant)
}

// A change that a run of old sent to Mailu arrives when the new credential is committed: it is set once more. The steps of that
// run themselves change nothing any more.
func TestWhatAnOutdatedRunDoesToAPassword(t *testing.T) {
	tenant := mailTenant(t)
	old := tenant.Password
	at, token := registered(t, "acme").VPS.IP, tenant.Planted["acme/mailu_api token"]
	// SetCredentials looks twice, TestCredentials once; the fourth look is the last of CommitCredentials.
	strike(t, w.Faults.Mailu, faults.Rule{
		Method: http.MethodGet, Path: "/api/v1/user/admin@acme", Skip: 3, Times: 1,
		Strikes: []faults.Strike{faults.Before(func() {
			body := fmt.Sprintf(`{"raw_password":%q}`, old.Reveal())
			url := fmt.Sprintf("http://%s:8080/api/v1/user/%s", at, tenant.Address())
			request, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodPatch, url, strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Authorization", "Bearer "+token.Reveal())
			request.Header.Set("Content-Type", "application/json")
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusOK {
				t.Errorf("the late change: %s, %v", response.Status, err)
			}
		})},
	})
	first := rotate(t, `{"tenant_id":"acme","reason":"a late change"}`)
	succeeded(t, first)
	if field(t, first, "committed", "repaired") != "true" {
		t.Errorf("the late change was not seen: %s", first.Output)
	}
	if m := mail(t, w.operations, "credentials_rotated", first); !strings.Contains(m.Message, "Set once more:         yes") {
		t.Errorf("the operators read\n%s", m.Message)
	}
	rotated(t, tenant)

	succeeded(t, rotate(t, `{"tenant_id":"acme","reason":"a newer run"}`))
	rotated(t, tenant)
	var was struct {
		Staged map[string]any `json:"staged"`
	}
	if err := json.Unmarshal([]byte(first.Output), &was); err != nil {
		t.Fatal(err)
	}
	run := map[string]any{"arn": first.ARN, "started_at": time.Now(), "state": "Outdated"}
	tested := map[string]any{"rotation": was.Staged, "through": "api", "execution": run}
	for function, payload := range map[string]map[string]any{
		"pmdr-set-credentials":    {"tenant": was.Staged["tenant"], "server": was.Staged["server"], "pending": true, "execution": run},
		"pmdr-test-credentials":   tested,
		"pmdr-commit-credentials": tested,
	} {
		body, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		out, err := lambda.NewFromConfig(w.AWS).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(function), Payload: body})
		if err != nil {
			t.Fatal(err)
		}
		if out.FunctionError == nil || !strings.Contains(string(out.Payload), `"RotationOvertaken"`) {
			t.Errorf("%s of an outdated run: %s", function, out.Payload)
		}
	}
	if err := w.Mail.Client(*tenant).IMAPS(t.Context()); err != nil {
		t.Errorf("the password was changed: %v", err)
	}
	readable(t, "acme")
}

// A server that the provider does not have gets no password; one that comes back all the same is given one by the next run.
func TestRotationWithoutAServer(t *testing.T) {
	tenant := mailTenant(t)
	gone := w.Faults.Provider.Add(faults.Rule{
		Method: "GET", Path: "/v1/servers/" + tenant.VPS.ID,
		Strikes: []faults.Strike{faults.Answer(404, "application/json", `{"error":{"code":"not_found","message":"server not found"}}`)},
	})
	t.Cleanup(gone.Remove)
	r := rotate(t, `{"tenant_id":"acme","reason":"leaked while the server is down"}`)
	succeeded(t, r)
	took(t, r, "Take the request", "StageCredentials", "Is the server there?", "CommitCredentials", "StartBackup", "RecordAudit", "AlertOperations", "Succeeded")
	if field(t, r, "committed", "installed") != "false" || field(t, r, "committed", "absence") != "gone" {
		t.Errorf("committed: %s", r.Output)
	}
	if m := mail(t, w.operations, "credentials_rotated", r); !strings.Contains(m.Message, "it does not exist any more") {
		t.Errorf("the operators read\n%s", m.Message)
	}
	now, err := w.Credential(t.Context(), "acme")
	if err != nil || now.Password.Reveal() == tenant.Password.Reveal() || registered(t, "acme").CredentialID != now.ID {
		t.Errorf("Vault and the registry were not rotated: %v", err)
	}
	w.planted["password that no server has had"] = now.Password
	if err := w.Mail.Client(*tenant).IMAPS(t.Context()); err != nil {
		t.Errorf("the server was asked all the same: %v", err)
	}
	gone.Remove()
	succeeded(t, rotate(t, `{"tenant_id":"acme","reason":"it came back"}`))
	rotated(t, tenant)
}
