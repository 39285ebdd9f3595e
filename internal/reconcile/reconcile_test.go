package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

var execution = task.Execution{
	ARN:       "arn:aws:states:eu-central-1:123456789012:execution:reconcile-after-restore:one",
	StartedAt: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), State: "FindStaleCredentials",
}

// world is a registry, a Vault that holds the credentials of its tenants, and their servers.
type world struct {
	registry []tenant.Tenant
	broken   error
	ids      map[string]string // in Vault, by tenant
	servers  map[string]string // the password that opens the mailbox, by tenant
	refuses  string            // the tenant whose secret Vault does not give out
	stuck    string            // the tenant whose server says nothing, for ever
	vault    error             // what reading the servers' keys ends with
	logins   atomic.Int32
	noted    map[string]time.Time
}

// add adds a tenant; its password is that of the credential's id.
func (w *world) add(id, registered, stored, onServer string) {
	t := tenant.Tenant{}
	t.ID, t.CredentialID = id, registered
	w.registry = append(w.registry, t)
	if stored != "" {
		w.ids[id] = stored
	}
	if onServer != "" {
		w.servers[id] = onServer
	}
}

func (w *world) Tenants(context.Context) ([]tenant.Tenant, error) {
	return slices.Clone(w.registry), w.broken
}

func (w *world) ReadSecret(_ context.Context, mount, path string, version int) (*vault.Secret, error) {
	id := strings.TrimSuffix(path, "/admin")
	if mount != "smtp/" || version != 0 || id == path {
		return nil, fmt.Errorf("%s%s, version %d", mount, path, version)
	}
	if id == w.refuses {
		return nil, fault.VaultRefused.Errorf("%s", path)
	}
	stored, there := w.ids[id]
	switch {
	case !there:
		return nil, nil
	case stored == "deleted":
		return &vault.Secret{Gone: true}, nil
	}
	return &vault.Secret{Data: map[string]any{
		"credential_id": stored, "username": "admin@" + id, "password": stored, "webmail_url": "https://" + id,
	}}, nil
}

func (w *world) Decrypt(_ context.Context, c vault.Ciphertext) (secret.String, error) {
	return secret.New(c.Text), nil
}

func (w *world) open(ctx context.Context, _ mailu.Secrets, tenantID string, _ mailu.Server) (Mailbox, func(), error) {
	if w.vault != nil {
		return nil, nil, w.vault
	}
	if tenantID == w.stuck {
		<-ctx.Done()
		return nil, nil, fault.VaultUnreachable.Errorf("%w", ctx.Err())
	}
	password, there := w.servers[tenantID]
	if !there {
		return nil, nil, fault.ServerUnreachable.Errorf("no route")
	}
	return mailbox(password), func() {}, nil
}

type mailbox string

func (m mailbox) Has(_ context.Context, _ string, password secret.String) (bool, error) {
	return password.Reveal() == string(m), nil
}

func (w *world) NoteStale(_ context.Context, id string, since time.Time) error {
	if id == "left" {
		return fault.TenantUnknown.Tellf("left")
	}
	w.noted[id] = since
	return nil
}

func (w *world) find(t *testing.T, input string) (Found, error) {
	t.Helper()
	login := func(context.Context) (mailu.Secrets, func(), error) {
		w.logins.Add(1)
		return w, func() { w.logins.Add(-1) }, nil
	}
	return Finder{Tenants: w, Login: login, Open: w.open, Patience: Patience{One: time.Second, All: 2 * time.Second}, Notes: w}.
		Find(t.Context(), FindInput{Input: json.RawMessage(input), Execution: execution})
}

func newWorld() *world {
	return &world{ids: map[string]string{}, servers: map[string]string{}, noted: map[string]time.Time{}}
}

func TestFind(t *testing.T) {
	w := newWorld()
	w.add("first", "new", "old", "new")
	w.add("second", "same", "same", "same")
	w.add("third", "new", "deleted", "new")
	w.add("fourth", "new", "", "new")
	w.add("half", "old", "old", "new") // its rotation had not come to the registry
	w.add("off", "same", "same", "")
	w.add("left", "same", "same", "")
	for i := range 100 {
		w.add(fmt.Sprintf("many-%d", i), "new", "old", "")
		w.add(fmt.Sprintf("none-%d", i), "new", "", "")
	}
	got, err := w.find(t, `{"reason":"restored","requested_by":"mira"}`)
	if err != nil {
		t.Fatal(err)
	}
	if got.RequestedBy != "mira" || got.Tenants != 207 || !got.Any || !got.Tell || len(got.Stale) != 102 || got.Stale[0] != "first" || got.Stale[1] != "half" {
		t.Errorf("found %+v", got)
	}
	if got.Missing.Count != 102 || len(got.Missing.Shown) != 20 || got.Missing.Shown[0] != "third" || !slices.Equal(got.Unseen.Shown, []string{"off", "left"}) {
		t.Errorf("missing %+v, unseen %+v", got.Missing, got.Unseen)
	}
	if len(w.noted) != 103 || !w.noted["off"].Equal(execution.StartedAt) || !w.noted["half"].Equal(execution.StartedAt) {
		t.Errorf("noted %d: %v", len(w.noted), w.noted)
	}
	if w.logins.Load() != 0 {
		t.Error("the login was not given back")
	}
}

func TestFindNothing(t *testing.T) {
	w := newWorld()
	w.add("first", "same", "same", "same")
	w.broken = errors.New("another record cannot be read")
	got, err := w.find(t, `{}`)
	if err != nil || got.Any || !got.Tell || got.Stale == nil || got.Missing.Shown == nil || got.Unseen.Shown == nil || got.Tenants != 1 || len(w.noted) != 0 {
		t.Errorf("found %+v, %v; noted %v", got, err, w.noted)
	}
}

// A further look is at those who were noted, is silent while nothing changes, and takes the notes away of those who agree.
func TestFindAgain(t *testing.T) {
	w := newWorld()
	since := execution.StartedAt.Add(-time.Hour)
	w.add("well", "same", "same", "another") // nobody doubted it
	w.add("in-hand", "same", "same", "another")
	w.add("off", "same", "same", "")
	for i := range w.registry[1:] {
		w.registry[i+1].StaleSince = since
	}
	w.registry[1].Suppressed = true
	got, err := w.find(t, `{"again":true}`)
	if err != nil || got.Tenants != 1 || got.Any || got.Tell || got.Unseen.Count != 1 || len(w.noted) != 0 {
		t.Errorf("still off: %+v, %v; noted %v", got, err, w.noted)
	}
	w.servers["off"] = "older"
	if got, err = w.find(t, `{"again":true}`); err != nil || !got.Any || !got.Tell || !slices.Equal(got.Stale, []string{"off"}) || len(w.noted) != 0 {
		t.Errorf("on again with an older password: %+v, %v; noted %v", got, err, w.noted)
	}
	w.servers["off"] = "same"
	if got, err = w.find(t, `{"again":true}`); err != nil || got.Any || !got.Tell || got.Settled != 1 {
		t.Errorf("rotated: %+v, %v", got, err)
	}
	if at, ok := w.noted["off"]; !ok || !at.IsZero() || len(w.noted) != 1 {
		t.Errorf("noted %v", w.noted)
	}
}

// A server that answers nothing takes its time and no more, and a hundred of them not a hundred times as much.
func TestFindIsNotHeldUpByServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.stuck = "stuck"
		w.add("stuck", "same", "same", "same")
		w.add("after-it", "same", "same", "same")
		begun := time.Now()
		got, err := w.find(t, `{}`)
		if err != nil || !slices.Equal(got.Unseen.Shown, []string{"stuck"}) || time.Since(begun) > 2*time.Second {
			t.Errorf("found %+v, %v after %v", got, err, time.Since(begun))
		}
		w = newWorld()
		w.stuck = "stuck"
		for range 400 {
			w.add("stuck", "same", "same", "same")
		}
		begun = time.Now()
		if got, err = w.find(t, `{}`); err != nil || got.Unseen.Count != 400 || time.Since(begun) > 3*time.Second {
			t.Errorf("found %+v, %v after %v", got, err, time.Since(begun))
		}
	})
}

func TestFindRefuses(t *testing.T) {
	for _, input := range []string{`[]`, `{"tenant_id":"acme"}`, `{"reason":"` + strings.Repeat("r", 257) + `"}`, `{}{}`} {
		if _, err := newWorld().find(t, input); !fault.Is(err, fault.InvalidInput) {
			t.Errorf("%.40s: %v", input, err)
		}
	}
	w := newWorld()
	w.add("first", "new", "old", "new")
	w.refuses = "first"
	if _, err := w.find(t, `{}`); !fault.Is(err, fault.VaultRefused) {
		t.Errorf("Vault refuses: %v", err)
	}
	w = newWorld()
	w.add("first", "same", "same", "same")
	w.vault = fault.VaultRefused.Errorf("the keys of servers")
	if _, err := w.find(t, `{}`); !fault.Is(err, fault.VaultRefused) {
		t.Errorf("Vault refuses the keys: %v", err)
	}
	w = newWorld()
	w.broken = fault.AWSUnavailable.Errorf("silent")
	if _, err := w.find(t, `{}`); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("the registry is silent: %v", err)
	}
}

// machines notes what was started; it refuses after some.
type machines struct {
	started  map[string]string
	room     int
	running  int   // rotations, whoever started them
	unlisted error // what listing them ends with
}

func (m *machines) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	name := aws.ToString(in.Name)
	if _, there := m.started[name]; there {
		return nil, &types.ExecutionAlreadyExists{}
	}
	if len(m.started) == m.room {
		return nil, context.DeadlineExceeded
	}
	m.started[name] = aws.ToString(in.Input)
	return &sfn.StartExecutionOutput{}, nil
}

func (m *machines) ListExecutions(_ context.Context, in *sfn.ListExecutionsInput, _ ...func(*sfn.Options)) (*sfn.ListExecutionsOutput, error) {
	if aws.ToString(in.StateMachineArn) != rotationARN || in.StatusFilter != types.ExecutionStatusRunning {
		return nil, fmt.Errorf("asked for %+v", in)
	}
	return &sfn.ListExecutionsOutput{Executions: make([]types.ExecutionListItem, min(m.running, int(in.MaxResults)))}, m.unlisted
}

const rotationARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:credential-rotation"

func (m *machines) starter() Starter {
	return Starter{Machine: launch.Machine{Client: m, ARN: rotationARN}, Running: m}
}

func TestEveryTenantIsRotatedOnce(t *testing.T) {
	m := &machines{started: map[string]string{}, room: 1}
	s := m.starter()
	in := StartInput{Tenants: []string{"acme", "globex"}, Rounds: 3, Execution: execution}
	if _, err := s.Start(t.Context(), in); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("Step Functions silent: %v", err)
	}
	m.room = 9
	for range 2 {
		if got, err := s.Start(t.Context(), in); err != nil || got != (Rotations{Started: 2, Done: true, Rounds: 4}) {
			t.Fatalf("started %+v, %v", got, err)
		}
	}
	if len(m.started) != 2 {
		t.Errorf("started %v", m.started)
	}
	for name, input := range m.started {
		if len(name) > 80 || !strings.Contains(input, `"requested_by":"reconcile-after-restore"`) {
			t.Errorf("%s was started with %s", name, input)
		}
	}
	m.unlisted = context.DeadlineExceeded
	if _, err := s.Start(t.Context(), in); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("nobody knows what runs: %v", err)
	}
}

// However many are stale, no more than ten rotations run at once, those of others counted; and each is started once.
func TestRotationsWaitForRoom(t *testing.T) {
	m := &machines{started: map[string]string{}, room: 99, running: 4}
	in := StartInput{Execution: execution}
	for i := range 17 {
		in.Tenants = append(in.Tenants, fmt.Sprint("tenant-", i))
	}
	for _, round := range []struct {
		running int
		want    Rotations
	}{
		{4, Rotations{Started: 6, Waiting: 11, Rounds: 1}},
		{10, Rotations{Started: 6, Waiting: 11, Rounds: 2}},
		{200, Rotations{Started: 6, Waiting: 11, Rounds: 3}},
		{0, Rotations{Started: 16, Waiting: 1, Rounds: 4}},
		{9, Rotations{Started: 17, Done: true, Rounds: 5}},
	} {
		m.running = round.running
		got, err := m.starter().Start(t.Context(), in)
		if err != nil || got != round.want || len(m.started) != got.Started {
			t.Errorf("with %d running: %+v, %v, started %d", round.running, got, err, len(m.started))
		}
		in.Started, in.Rounds = got.Started, got.Rounds
	}
}

func TestWhatIsNotStarted(t *testing.T) {
	for name, in := range map[string]StartInput{
		"nobody":              {Execution: execution},
		"more than there are": {Tenants: []string{"acme"}, Started: 2, Execution: execution},
		"less than nobody":    {Tenants: []string{"acme"}, Started: -1, Execution: execution},
		"no execution":        {Tenants: []string{"acme"}},
	} {
		if in.Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
