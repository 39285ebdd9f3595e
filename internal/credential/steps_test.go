package credential_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/credential"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/mailprobe"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// quiet is a world in which nothing happens but the calls, each of which it notes.
type quiet struct {
	*world
	steps sides
	calls []string
}

func newQuiet() *quiet {
	q := &quiet{world: newWorld()}
	q.steps = client{world: q.world, op: func(c call, effect func()) error {
		q.calls = append(q.calls, c.what)
		effect()
		return nil
	}}.sides()
	return q
}

func (q *quiet) stage(t *testing.T, input string) credential.Staged {
	t.Helper()
	staged, err := q.tryStage(t, input)
	if err != nil {
		t.Fatal(err)
	}
	return staged
}

func (q *quiet) tryStage(t *testing.T, input string) (credential.Staged, error) {
	t.Helper()
	in := credential.StageInput{Input: json.RawMessage(input), Execution: execution}
	if err := in.Validate(); err != nil {
		t.Fatal(err)
	}
	return credential.Stager{Registry: q.steps.registry, Servers: q.steps.servers, Restores: q.steps.restores, Login: q.steps.login}.Stage(t.Context(), in)
}

func (q *quiet) set(t *testing.T, s credential.Staged) error {
	t.Helper()
	_, err := credential.Setter{Registry: q.steps.registry, Restores: q.steps.restores, Login: q.steps.login, Open: q.steps.open}.
		Set(t.Context(), mailu.SetInput{Tenant: s.Tenant, Server: s.Server, Pending: true, Execution: execution})
	return err
}

func (q *quiet) test(t *testing.T, s credential.Staged) (credential.Tested, error) {
	t.Helper()
	in := credential.TestInput{Rotation: s, Execution: execution}
	if err := in.Validate(); err != nil {
		t.Fatal(err)
	}
	return credential.Tester{Registry: q.steps.registry, Login: q.steps.login, Open: q.steps.open, Client: q.steps.client, Now: now}.Test(t.Context(), in)
}

func (q *quiet) commit(t *testing.T, s credential.Staged) (credential.Committed, error) {
	t.Helper()
	in := credential.CommitInput{Rotation: s, Execution: execution}
	if err := in.Validate(); err != nil {
		t.Fatal(err)
	}
	return credential.Committer{Registry: q.steps.registry, Servers: q.steps.servers, Login: q.steps.login, Open: q.steps.open}.Commit(t.Context(), in)
}

const byHand = `{"tenant_id":"acme","reason":"a laptop was lost","requested_by":"mira"}`

func wantFault(t *testing.T, err error, want fault.Name) {
	t.Helper()
	if !fault.Is(err, want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestRotation(t *testing.T) {
	q := newQuiet()
	staged := q.stage(t, `{"tenant_id":"acme","incident_id":"INC-7","reason":"leaked","requested_by":"mira"}`)
	if err := q.set(t, staged); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{64}$`).MatchString(q.mailu) {
		t.Error("the password is not 48 bytes of base64url")
	}
	if q.current() != "first" || q.pending() != q.mailu {
		t.Error("what was set is not what waits in Vault")
	}
	tested, err := q.test(t, staged)
	if err != nil || !tested.New.Accepted() || !tested.Former.Refused() || tested.SafeSeconds != 3 {
		t.Errorf("Test = %+v, %v", tested, err)
	}
	committed, err := q.commit(t, staged)
	want := credential.Committed{CredentialID: staged.Tenant.CredentialID, Version: 2, Destroyed: 1, Installed: true, Through: mailu.ThroughAPI}
	if err != nil || committed != want {
		t.Errorf("Commit = %+v, %v, want %+v", committed, err, want)
	}
	data := q.vault.read(adminPath).Data
	for field, want := range map[string]any{
		"username": "Admin@acme.example", "webmail_url": "https://mail.acme.example/webmail", "created_at": "2026-01-01T00:00:00Z",
		"rotation_policy": "180d", "last_rotated": "2026-11-24T10:00:00Z", "credential_id": staged.Tenant.CredentialID,
	} {
		if data[field] != want {
			t.Errorf("%s is %v, want %v", field, data[field], want)
		}
	}
	if q.current() != q.mailu || q.registry.CredentialID != staged.Tenant.CredentialID {
		t.Error("Vault, registry and Mailu do not agree")
	}
	if note := q.vault[adminPath].notes["compromised.v1"]; note != "INC-7|mira|2026-11-24T10:00:00Z" {
		t.Errorf("Vault remembers %q", note)
	}
	for _, out := range []any{staged, tested, committed} {
		text, err := json.Marshal(out)
		if err != nil || strings.Contains(string(text), q.mailu) || strings.Contains(string(text), "vault:v1:") {
			t.Errorf("a secret travels: %s, %v", text, err)
		}
	}

	// The whole run once more: its credential is committed, and nothing is done twice.
	q.calls = nil
	if err := q.set(t, staged); err != nil {
		t.Error(err)
	}
	if tested, err := q.test(t, staged); err != nil || tested.Former != (mailprobe.Logins{}) {
		t.Errorf("Test = %+v, %v", tested, err)
	}
	want.Destroyed = 0
	if again, err := q.commit(t, staged); err != nil || again != want {
		t.Errorf("Commit = %+v, %v, want %+v", again, err, want)
	}
	if slices.ContainsFunc(q.calls, func(c string) bool { return strings.HasPrefix(c, "write") || strings.HasPrefix(c, "change") }) {
		t.Errorf("written again: %q", q.calls)
	}
}

// A rotation without an incident leaves no note: nothing has leaked.
func TestOnlyIncidentsAreRemembered(t *testing.T) {
	q := newQuiet()
	staged := q.stage(t, byHand)
	if _, err := q.commit(t, staged); err != nil {
		t.Fatal(err)
	}
	if notes := q.vault[adminPath].notes; len(notes) != 0 {
		t.Errorf("Vault remembers %v", notes)
	}
}

func TestARunThatDiedIsContinued(t *testing.T) {
	q := newQuiet()
	first := q.stage(t, byHand)
	if first.TakenOver {
		t.Error("its own credential is taken over")
	}
	if err := q.set(t, first); err != nil {
		t.Fatal(err)
	}
	password := q.mailu
	second := q.stage(t, byHand)
	if !second.TakenOver || second.Tenant.CredentialID != first.Tenant.CredentialID {
		t.Errorf("staged anew: %+v", second)
	}
	if _, err := q.test(t, second); err != nil {
		t.Fatal(err)
	}
	if _, err := q.commit(t, second); err != nil || q.mailu != password || q.current() != password {
		t.Errorf("what was set is not what was committed, %v", err)
	}
}

func TestAPendingPasswordThatDoesNotOpenIsReplaced(t *testing.T) {
	q := newQuiet()
	first := q.stage(t, byHand)
	damaged := q.vault.read(pendingPath).Data
	damaged["password"] = seal("x", "other", "id")
	second := q.stage(t, byHand)
	if second.TakenOver || second.Tenant.CredentialID == first.Tenant.CredentialID || q.pending() == "" {
		t.Errorf("staged: %+v", second)
	}
}

func TestStageRefuses(t *testing.T) {
	for input, want := range map[string]fault.Name{
		`{}`:                                fault.InvalidInput,
		`{"tenant_id":"acme"}`:              fault.InvalidInput,
		`{"tenant_id":"Acme","reason":"x"}`: fault.InvalidInput,
		`{"tenant_id":"acme","reason":"x","y":""}`:                         fault.InvalidInput,
		`{"tenant_id":"acme","reason":"a\nb"}`:                             fault.InvalidInput,
		`{"tenant_id":"acme","reason":"` + strings.Repeat("x", 257) + `"}`: fault.InvalidInput,
		`{"tenant_id":"acme","reason":"x","incident_id":"a|b"}`:            fault.InvalidInput,
		`{"tenant_id":"acme","reason":"x","requested_by":"\u0007"}`:        fault.InvalidInput,
	} {
		q := newQuiet()
		_, err := q.tryStage(t, input)
		wantFault(t, err, want)
		if len(q.calls) != 0 {
			t.Errorf("%s: asked %q", input, q.calls)
		}
	}
	q := newQuiet()
	q.steps.registry = nobody{}
	_, err := q.tryStage(t, byHand)
	wantFault(t, err, fault.TenantUnknown)
	if len(q.calls) != 0 {
		t.Errorf("Vault was asked about nobody: %q", q.calls)
	}
	q = newQuiet()
	delete(q.vault, adminPath)
	_, err = q.tryStage(t, byHand)
	wantFault(t, err, fault.CredentialMissing)
}

type nobody struct{ credential.Registry }

func (nobody) Find(context.Context, string) (tenant.Tenant, error) {
	return tenant.Tenant{}, fault.TenantUnknown.Tellf("acme")
}

// power is what the provider says, and whether a recovery works on the tenant.
type power struct {
	state     string
	err       error
	recovered bool
}

func (p power) State(context.Context, string) (string, error) { return p.state, p.err }
func (p power) Running(context.Context, string) (bool, error) { return p.recovered, nil }

func (p power) servers() credential.Servers { return credential.Servers{Power: p, Executions: p} }

// shut is a server that does not answer.
func shut(context.Context, mailu.Secrets, string, mailu.Server, mailu.Through) (credential.Mailbox, func(), error) {
	return nil, nil, fault.ServerUnreachable.Errorf("no answer")
}

func TestAServerThatIsNotThere(t *testing.T) {
	for name, tt := range map[string]struct {
		power     power
		answers   bool
		absence   credential.Absence
		installed bool
		fails     bool
	}{
		"off":                            {power: power{state: "off"}, absence: credential.Off},
		"gone":                           {power: power{state: "gone"}, absence: credential.Gone},
		"off while it is recovered":      {power: power{state: "off", recovered: true}, absence: credential.Off},
		"recovered, and answers not":     {power: power{state: "running", recovered: true}, absence: credential.Recovering},
		"recovered, and answers":         {power: power{state: "running", recovered: true}, answers: true, absence: credential.Recovering, installed: true},
		"there, and answers not":         {power: power{state: "running"}, fails: true},
		"starting, and answers":          {power: power{state: "starting"}, answers: true, installed: true},
		"the provider says nothing":      {power: power{err: errors.New("no answer")}, answers: true, installed: true},
		"the provider says only \"off\"": {power: power{state: "off", err: errors.New("half an answer")}, answers: true, installed: true},
	} {
		t.Run(name, func(t *testing.T) {
			q := newQuiet()
			q.world.registry.Lease.Holder = "arn:of-a-recovery"
			q.steps.servers = tt.power.servers()
			staged := q.stage(t, byHand)
			if staged.Serving != (tt.absence == credential.Present) || staged.Absence != tt.absence {
				t.Errorf("serving %v, absence %q", staged.Serving, staged.Absence)
			}
			committer := credential.Committer{Registry: q.steps.registry, Servers: q.steps.servers, Login: q.steps.login, Open: shut}
			if tt.answers {
				committer.Open = q.steps.open
			}
			out, err := committer.Commit(t.Context(), credential.CommitInput{Rotation: staged, Execution: execution})
			if (err != nil) != tt.fails || out.Installed != tt.installed || err == nil && out.Absence != tt.absence {
				t.Errorf("Commit = %+v, %v", out, err)
			}
			if (q.mailu == q.current()) != tt.installed || q.mailu != "first" && !tt.installed {
				t.Errorf("on the server is %q", q.mailu)
			}
			if doubted := !q.world.registry.StaleSince.IsZero(); doubted != (tt.absence == credential.Off) {
				t.Errorf("the server is in doubt: %t", doubted)
			}
			if q.registry.CredentialID != staged.Tenant.CredentialID || q.current() == "first" {
				t.Error("Vault and registry were not rotated")
			}
		})
	}
}

func TestASilentServerKeepsThePendingCredential(t *testing.T) {
	q := newQuiet()
	staged := q.stage(t, byHand)
	_, err := credential.Setter{Registry: q.steps.registry, Restores: q.steps.restores, Login: q.steps.login, Open: shut}.
		Set(t.Context(), mailu.SetInput{Tenant: staged.Tenant, Server: staged.Server, Pending: true, Execution: execution})
	wantFault(t, err, fault.ServerUnreachable)
	if next := q.stage(t, byHand); !next.TakenOver {
		t.Error("the next run does not go on with it")
	}
}

// A restore of Vault forgets what is written meanwhile: nothing is staged, and what was staged before is not set.
func TestARestoreOfVaultHoldsRotations(t *testing.T) {
	q := newQuiet()
	held := restores{fault.RestoreUnderway.Tellf("vault-restore:one runs")}
	q.steps.restores = held
	_, err := q.tryStage(t, byHand)
	wantFault(t, err, fault.RestoreUnderway)
	if q.vault.read(pendingPath) != nil {
		t.Error("a credential was staged")
	}
	q.steps.restores = restores{}
	staged := q.stage(t, byHand)
	q.steps.restores = held
	wantFault(t, q.set(t, staged), fault.RestoreUnderway)
	if q.mailu != "first" {
		t.Error("a password was set that the restored Vault does not know")
	}
	q.steps.restores = restores{}
	if err := q.set(t, staged); err != nil || q.mailu == "first" {
		t.Errorf("after the restore: %v", err)
	}
}

// A leak does not wait for an answer about restores; a permission that is missing is said.
func TestARotationGoesOnWhereNobodyKnowsOfARestore(t *testing.T) {
	q := newQuiet()
	q.steps.restores = restores{fault.AWSUnavailable.Errorf("throttled")}
	if err := q.set(t, q.stage(t, byHand)); err != nil || q.mailu == "first" {
		t.Errorf("throttled: %v", err)
	}
	q.steps.restores = restores{fault.AWSRefused.Errorf("no permission")}
	_, err := q.tryStage(t, byHand)
	wantFault(t, err, fault.AWSRefused)
}

// said are the answers of the mail ports, one for each login.
type said []mailprobe.Logins

func (s *said) Logins(context.Context, mailprobe.Target, mailprobe.Credential) (mailprobe.Logins, error) {
	next := (*s)[0]
	*s = (*s)[1:]
	return next, nil
}

func TestWhatTestBelieves(t *testing.T) {
	yes := mailprobe.Logins{IMAPS: mailprobe.Accepted, Submission: mailprobe.Accepted}
	no := mailprobe.Logins{IMAPS: mailprobe.Refused, Submission: mailprobe.Refused}
	half := mailprobe.Logins{IMAPS: mailprobe.Refused, Submission: mailprobe.Accepted}
	for name, tt := range map[string]struct {
		fresh, former mailprobe.Logins
		fails         bool
	}{
		"as it should be":                         {yes, no, false},
		"everybody is refused after bad logins":   {no, no, false},
		"the former one is let in":                {yes, yes, true},
		"the former one is let in at one port":    {yes, half, true},
		"both, and the new one at one port alone": {half, no, false},
	} {
		q := newQuiet()
		staged := q.stage(t, byHand)
		if err := q.set(t, staged); err != nil {
			t.Fatal(err)
		}
		q.steps.client = &said{tt.fresh, tt.former}
		out, err := q.test(t, staged)
		if tt.fails {
			wantFault(t, err, fault.MailNotVerified)
		} else if err != nil || out.New != tt.fresh || out.Former != tt.former {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
		q.world.mailu = "by-hand"
		q.steps.client = &said{yes, no}
		_, err = q.test(t, staged)
		wantFault(t, err, fault.MailNotVerified)
	}
}

// A step that wakes up after a restore of Vault finds its credential there again, pending or current, and must not install
// it: meanwhile it was replaced.
func TestAStepFromBeforeARestore(t *testing.T) {
	q := newQuiet()
	first := q.stage(t, byHand)
	pending := q.vault.clone()
	if err := q.set(t, first); err != nil {
		t.Fatal(err)
	}
	leaked := q.mailu
	if _, err := q.commit(t, first); err != nil {
		t.Fatal(err)
	}
	current := q.vault.clone()
	if err := q.rotate(t); err != nil {
		t.Fatal(err)
	}
	newest, named := q.mailu, q.registry.CredentialID
	for name, restored := range map[string]vaultState{"pending": pending, "current": current} {
		q.world.vault = restored.clone()
		_, err := q.commit(t, first)
		wantFault(t, err, fault.RotationOvertaken)
		if name == "pending" {
			wantFault(t, q.set(t, first), fault.RotationOvertaken)
			_, err := q.test(t, first)
			wantFault(t, err, fault.RotationOvertaken)
		}
		if q.mailu != newest || q.registry.CredentialID != named {
			t.Fatalf("%s: the leaked credential is back", name)
		}
		if err := q.rotate(t); err != nil || q.mailu == leaked || q.mailu != q.current() {
			t.Errorf("%s: a new rotation: %v", name, err)
		}
		q.world.mailu, q.world.registry.CredentialID = newest, named
	}
}

func (q *quiet) rotate(t *testing.T) error {
	t.Helper()
	_, err := q.steps.rotate(t.Context())
	return err
}

// Vault takes 64 notes of a secret: the oldest make room.
func TestNotesDoNotGrowForEver(t *testing.T) {
	q := newQuiet()
	for range 40 {
		if err := q.rotate(t); err != nil {
			t.Fatal(err)
		}
	}
	notes := q.vault[adminPath].notes
	if len(notes) != 32 || notes["compromised.v40"] == "" || notes["compromised.v9"] == "" || notes["compromised.v8"] != "" {
		t.Errorf("%d notes: %v", len(notes), notes)
	}
}

func TestSetOfTheCurrentCredential(t *testing.T) {
	q := newQuiet()
	in := mailu.SetInput{Execution: execution}
	setter := credential.Setter{Current: func(_ context.Context, got mailu.SetInput) (mailu.Credentials, error) {
		return mailu.Credentials{Username: fmt.Sprint(got.Pending)}, nil
	}}
	out, err := setter.Set(t.Context(), in)
	if err != nil || out.Username != "false" || len(q.calls) != 0 {
		t.Errorf("Set = %+v, %v", out, err)
	}
}
