package routine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/credential"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

var born = time.Date(2026, 11, 24, 10, 30, 0, 0, time.UTC)

// world is a registry, Vault, and Step Functions, in memory.
type world struct {
	tenants []tenant.Tenant
	broken  error
	secrets map[string]*vault.Secret // by tenant
	sealed  error
	logins  int
	stopped bool
	restore error
	running bool // whoever holds a lease
	told    []string
	mute    error
	started map[string]string // inputs by name
}

func newWorld() *world {
	return &world{secrets: map[string]*vault.Secret{}, started: map[string]string{}}
}

// add adds a tenant whose credential was rotated at that moment.
func (w *world) add(id, policy string, rotated time.Time) {
	t := tenant.Tenant{}
	t.ID = id
	w.tenants = append(w.tenants, t)
	w.secrets[id] = &vault.Secret{CreatedTime: born, Data: map[string]any{"rotation_policy": policy, "created_at": "2020-01-01T00:00:00Z"}}
	w.rotate(id, rotated)
}

func (w *world) rotate(id string, at time.Time) {
	w.secrets[id].Data["last_rotated"] = at.Format(time.RFC3339)
}

func (w *world) Tenants(context.Context) ([]tenant.Tenant, error) {
	return slices.Clone(w.tenants), w.broken
}
func (w *world) Switch(context.Context) (tenant.Switch, error) {
	return tenant.Switch{Stopped: w.stopped}, nil
}
func (w *world) Guard(context.Context) error                   { return w.restore }
func (w *world) Running(context.Context, string) (bool, error) { return w.running, nil }

func (w *world) ReadSecret(_ context.Context, mount, path string, version int) (*vault.Secret, error) {
	id, ok := strings.CutSuffix(path, "/admin")
	if mount != "smtp/" || version != 0 || !ok {
		return nil, fmt.Errorf("%s%s, version %d", mount, path, version)
	}
	return w.secrets[id], w.sealed
}

func (w *world) RotationAhead(_ context.Context, id string, due time.Time) error {
	if w.mute == nil {
		w.told = append(w.told, id+" "+due.Format(time.RFC3339))
	}
	return w.mute
}

func (w *world) NoteRotation(_ context.Context, id string, due time.Time) error {
	at := slices.IndexFunc(w.tenants, func(t tenant.Tenant) bool { return t.ID == id })
	w.tenants[at].RotationDue = due
	return nil
}

func (w *world) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	if _, there := w.started[*in.Name]; there {
		return nil, &types.ExecutionAlreadyExists{}
	}
	w.started[*in.Name] = *in.Input
	return &sfn.StartExecutionOutput{}, nil
}

func (w *world) trySweep(ctx context.Context, at time.Time) (Swept, error) {
	login := func(context.Context) (Secrets, func(), error) { w.logins++; return w, func() { w.logins-- }, nil }
	return Sweeper{
		Tenants: w, Automation: w, Restores: w, Executions: w, Login: login, Letters: w, Notes: w,
		Machine: launch.Machine{Client: w, ARN: "arn:aws:states:eu-central-1:123456789012:stateMachine:credential-rotation"},
	}.Sweep(ctx, Input{at})
}

func (w *world) sweep(t *testing.T, at time.Time) Swept {
	t.Helper()
	got, err := w.trySweep(t.Context(), at)
	if err != nil || w.logins != 0 {
		t.Fatalf("at %v: %+v, %v; %d logins are open", at, got, err, w.logins)
	}
	return got
}

// A year of hours: told once and a week before, rotated on the day that was told, and again half a year later.
func TestAYearOfATenant(t *testing.T) {
	w := newWorld()
	w.add("acme", "180d", born)
	var told, rotated []time.Time
	for at := born.Add(time.Minute); at.Before(born.Add(365 * day)); at = at.Add(time.Hour) {
		got := w.sweep(t, at)
		if got.Announced > 0 {
			told = append(told, at)
		}
		if got.Started > 0 {
			rotated = append(rotated, at)
			w.rotate("acme", at.Add(3*time.Second))
		}
	}
	if len(told) != 2 || len(rotated) != 2 {
		t.Fatalf("told %v, rotated %v", told, rotated)
	}
	for i, from := range []time.Time{born, rotated[0]} {
		want := due(from, 180*day, "acme")
		if w.told[i] != "acme "+want.Format(time.RFC3339) {
			t.Errorf("told of %s, due %v", w.told[i], want)
		}
		if late := rotated[i].Sub(want); late < 0 || late >= time.Hour {
			t.Errorf("rotated at %v, due %v", rotated[i], want)
		}
		if week := want.Sub(told[i]); week > 7*day || week <= 7*day-time.Hour {
			t.Errorf("told %v before", week)
		}
	}
	for _, input := range w.started {
		var r credential.Request
		if err := strictjson.Unmarshal([]byte(input), &r); err != nil || r.Validate() != nil || r.TenantID != "acme" || !strings.HasPrefix(r.Reason, "routine, due 2027-") {
			t.Errorf("started with %s: %v", input, err)
		}
	}
}

// Whoever is overdue when it is turned on is told first; a rotation that failed is started every hour until one succeeds.
func TestOverdueAndFailing(t *testing.T) {
	w := newWorld()
	w.add("acme", "", born.Add(-400*day))
	if got := w.sweep(t, born); got.Announced != 1 || got.Started != 0 {
		t.Fatalf("at first: %+v", got)
	}
	at := w.tenants[0].RotationDue
	if wait := at.Sub(born); wait < 7*day-time.Hour || wait >= 8*day {
		t.Errorf("told %v ahead", wait)
	}
	if got := w.sweep(t, at.Add(-time.Second)); got.Announced+got.Started != 0 {
		t.Errorf("before the day: %+v", got)
	}
	for hours := range 3 {
		for again := range 2 { // the event may be delivered twice
			if got := w.sweep(t, at.Add(time.Duration(hours)*time.Hour)); got.Started != 1-again {
				t.Errorf("%d hours later: %+v", hours, got)
			}
		}
	}
	if len(w.told) != 1 || len(w.started) != 3 {
		t.Errorf("told %v, started %v", w.told, slices.Sorted(maps.Keys(w.started)))
	}
	w.rotate("acme", at.Add(3*time.Hour))
	if got := w.sweep(t, at.Add(4*time.Hour)); got.Started+got.Announced != 0 {
		t.Errorf("after it has succeeded: %+v", got)
	}
}

// A credential that was replaced after its rotation was announced is as young as any other.
func TestAnAnnouncementIsGoodForItsDateAlone(t *testing.T) {
	w := newWorld()
	w.add("acme", "30d", born)
	first := due(born, 30*day, "acme")
	w.sweep(t, first.Add(-6*day-30*time.Minute))
	w.rotate("acme", first.Add(-day)) // a leak
	if got := w.sweep(t, first.Add(time.Hour)); got.Started+got.Announced != 0 {
		t.Errorf("it was replaced the day before: %+v", got)
	}
	second := due(first.Add(-day), 30*day, "acme")
	if got := w.sweep(t, second.Add(-7*day)); got.Announced != 1 || got.Started != 0 || !strings.HasSuffix(w.told[1], second.Format(time.RFC3339)) {
		t.Errorf("a week before the next: %+v, told %v", got, w.told)
	}
}

// What does not say when it was rotated is as old as it says that it is, or as Vault says.
func TestAges(t *testing.T) {
	w := newWorld()
	w.add("made", "30d", born)
	delete(w.secrets["made"].Data, "last_rotated") // made in 2020
	w.add("odd", "monthly", born)
	w.secrets["odd"].Data = map[string]any{"last_rotated": "yesterday", "rotation_policy": "monthly"}
	w.add("gone", "30d", born)
	w.secrets["gone"] = &vault.Secret{Gone: true}
	w.add("nothing", "30d", born)
	delete(w.secrets, "nothing")
	w.broken = errors.New("another record cannot be read")
	if got := w.sweep(t, born); got != (Swept{Tenants: 4, Announced: 1, Missing: 2}) {
		t.Errorf("swept %+v, told %v", got, w.told)
	}
	if got := w.sweep(t, born.Add(180*day)); got.Announced != 1 {
		t.Errorf("half a year later: %+v, told %v", got, w.told)
	}
}

func TestRoutineWaits(t *testing.T) {
	w := newWorld()
	for i := range 60 {
		w.add(fmt.Sprintf("tenant-%02d", i), "30d", born)
	}
	later := born.Add(40 * day)
	for i := range w.tenants {
		w.tenants[i].RotationDue = born.Add(35 * day)
	}
	w.stopped = true
	if got := w.sweep(t, later); got != (Swept{Held: true}) {
		t.Errorf("automation is stopped: %+v", got)
	}
	w.stopped, w.restore = false, fault.RestoreUnderway.Tellf("one runs")
	if got := w.sweep(t, later); got != (Swept{Held: true}) {
		t.Errorf("Vault is being restored: %+v", got)
	}
	w.restore = fault.AWSUnavailable.Errorf("silent")
	if _, err := w.trySweep(t.Context(), later); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("nobody knows: %v", err)
	}
	w.restore = nil
	w.tenants[0].Suppressed = true
	w.tenants[1].Lease.Holder, w.running = "recovery", true
	if got := w.sweep(t, later); got.Tenants != 59 || got.Started != mostAtOnce || got.Waiting != 59-mostAtOnce {
		t.Errorf("many are due: %+v", got)
	}
	// Although none succeeds, everybody's turn comes.
	for hours := range 24 {
		w.sweep(t, later.Add(time.Duration(hours)*time.Hour))
	}
	tried := map[string]bool{}
	for _, input := range w.started {
		var r credential.Request
		if err := strictjson.Unmarshal([]byte(input), &r); err != nil {
			t.Fatal(err)
		}
		tried[r.TenantID] = true
	}
	if len(tried) != 58 || tried["tenant-00"] || tried["tenant-01"] {
		t.Errorf("%d were tried: %v", len(tried), slices.Sorted(maps.Keys(tried)))
	}
}

func TestRoutineFails(t *testing.T) {
	w := newWorld()
	w.add("acme", "30d", born)
	at := due(born, 30*day, "acme").Add(-7 * day)
	w.mute = fault.AWSUnavailable.Errorf("no route")
	if _, err := w.trySweep(t.Context(), at); !fault.Is(err, fault.AWSUnavailable) || !w.tenants[0].RotationDue.IsZero() {
		t.Errorf("nobody was told: %v, noted %v", err, w.tenants[0].RotationDue)
	}
	w.mute, w.sealed = nil, fault.VaultSealed.Errorf("sealed")
	if _, err := w.trySweep(t.Context(), at); !fault.Is(err, fault.VaultSealed) {
		t.Errorf("Vault is sealed: %v", err)
	}
	w.sealed, w.tenants, w.broken = nil, nil, fault.AWSUnavailable.Errorf("silent")
	if _, err := w.trySweep(t.Context(), at); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("the registry is silent: %v", err)
	}
	if (Input{}).Validate() == nil || (Input{at}).Validate() != nil {
		t.Error("the time of a sweep is not looked at")
	}
}
