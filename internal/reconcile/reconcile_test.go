package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

var execution = task.Execution{
	ARN:       "arn:aws:states:eu-central-1:123456789012:execution:reconcile-after-restore:one",
	StartedAt: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), State: "FindStaleCredentials",
}

// world is a registry, and a Vault that holds the ids of its credentials.
type world struct {
	registry []tenant.Tenant
	broken   error
	ids      map[string]string // by tenant
	refuses  string            // the tenant whose secret Vault does not give out
	logins   int
}

func (w *world) add(id, registered, stored string) {
	t := tenant.Tenant{}
	t.ID, t.CredentialID = id, registered
	w.registry = append(w.registry, t)
	if stored != "" {
		w.ids[id] = stored
	}
}

func (w *world) Tenants(context.Context) ([]tenant.Tenant, error) { return w.registry, w.broken }

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
	return &vault.Secret{Data: map[string]any{"credential_id": stored}}, nil
}

func (w *world) find(t *testing.T, input string) (Found, error) {
	t.Helper()
	login := func(context.Context) (Secrets, func(), error) { w.logins++; return w, func() { w.logins-- }, nil }
	return Finder{Tenants: w, Login: login}.Find(t.Context(), FindInput{Input: json.RawMessage(input), Execution: execution})
}

func newWorld() *world { return &world{ids: map[string]string{}} }

func TestFind(t *testing.T) {
	w := newWorld()
	w.add("first", "new", "old")
	w.add("second", "same", "same")
	w.add("third", "new", "deleted")
	w.add("fourth", "new", "")
	for i := range 100 {
		w.add(fmt.Sprintf("many-%d", i), "new", "old")
	}
	got, err := w.find(t, `{"reason":"restored","requested_by":"mira"}`)
	if err != nil || got.RequestedBy != "mira" || got.Tenants != 104 || !got.Any || len(got.Stale) != 101 || got.Stale[0] != "first" ||
		got.Stale[1] != "many-0" || !slices.Equal(got.Missing, []string{"third", "fourth"}) {
		t.Errorf("found %+v, %v", got, err)
	}
	if w.logins != 0 {
		t.Error("the login was not given back")
	}
}

func TestFindNothing(t *testing.T) {
	w := newWorld()
	w.add("first", "same", "same")
	w.broken = errors.New("another record cannot be read")
	got, err := w.find(t, `{}`)
	if err != nil || got.Any || got.Stale == nil || got.Missing == nil || got.Tenants != 1 {
		t.Errorf("found %+v, %v", got, err)
	}
}

func TestFindRefuses(t *testing.T) {
	for _, input := range []string{`[]`, `{"tenant_id":"acme"}`, `{"reason":"` + strings.Repeat("r", 257) + `"}`, `{}{}`} {
		if _, err := newWorld().find(t, input); !fault.Is(err, fault.InvalidInput) {
			t.Errorf("%.40s: %v", input, err)
		}
	}
	w := newWorld()
	w.add("first", "new", "old")
	w.refuses = "first"
	if _, err := w.find(t, `{}`); !fault.Is(err, fault.VaultRefused) {
		t.Errorf("Vault refuses: %v", err)
	}
	w = newWorld()
	w.broken = fault.AWSUnavailable.Errorf("silent")
	if _, err := w.find(t, `{}`); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("the registry is silent: %v", err)
	}
}

// machines notes what was started; it refuses after some.
type machines struct {
	started map[string]string
	room    int
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

func TestEveryTenantIsRotatedOnce(t *testing.T) {
	m := &machines{started: map[string]string{}, room: 1}
	s := Starter{launch.Machine{Client: m, ARN: "arn:aws:states:eu-central-1:123456789012:stateMachine:credential-rotation"}}
	in := StartInput{Tenants: []string{"acme", "globex"}, Execution: execution}
	if _, err := s.Start(t.Context(), in); !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("Step Functions silent: %v", err)
	}
	m.room = 9
	for range 2 {
		if got, err := s.Start(t.Context(), in); err != nil || got.Started != 2 {
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
	if (StartInput{Execution: execution}).Validate() == nil {
		t.Error("nobody's rotation is accepted")
	}
}
