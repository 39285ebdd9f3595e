//go:build platform

package suite

import (
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
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
