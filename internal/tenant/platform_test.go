//go:build platform

package tenant

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/archive/archivetest"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/local/engine"
)

func TestMain(m *testing.M) {
	backends["engine"] = func(t *testing.T) (database, string) { return client(http.DefaultTransport), newTable(t) }
	archivetest.Main(m)
}

func client(way http.RoundTripper) *dynamodb.Client {
	return dynamodb.NewFromConfig(archivetest.AWS, func(o *dynamodb.Options) { o.HTTPClient = &http.Client{Transport: engine.Transport{By: way}} })
}

// newTable makes a table of the engine as the template does.
func newTable(t *testing.T) string {
	t.Helper()
	name, key := "tenants-"+uuid.NewString(), "tenant_id"
	_, err := client(http.DefaultTransport).CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: &key, AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: &key, KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestFiftyExecutionsOneLease(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		for round := range int64(3) {
			var won, lost atomic.Int64
			var group errgroup.Group
			for i := range 50 {
				execution := w.start(fmt.Sprintf("round-%d-%d", round, i))
				group.Go(func() error {
					held, err := w.lock(execution)
					switch {
					case err == nil && held.Fencing == round+1:
						won.Add(1)
					case fault.Is(err, fault.TenantLocked):
						lost.Add(1)
					default:
						return fmt.Errorf("fencing number %d: %w", held.Fencing, err)
					}
					return nil
				})
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			if won.Load() != 1 || lost.Load() != 49 {
				t.Errorf("%d have the lease, %d were refused", won.Load(), lost.Load())
			}
			w.end(w.tenant().Lease.Holder) // the next round takes it over
		}
	})
}

// Whoever works for the tenant is alone, although executions are aborted while they hold it and copies of their steps
// wake up late.
func TestAStormOfTakeovers(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		var moves atomic.Int64
		var group errgroup.Group
		for i := range 12 {
			group.Go(func() error {
				for try := 0; ; try++ {
					execution := w.start(fmt.Sprintf("run-%d-%d", i, try))
					held, err := w.lock(execution)
					if fault.Is(err, fault.TenantLocked) {
						w.end(execution)
						continue
					}
					if err != nil {
						return err
					}
					if i%3 == 0 {
						w.end(execution) // aborted: from here on it races with whoever takes over
					}
					_, err = w.registry().Move(t.Context(), newServer(held.Fencing, int(held.Fencing)))
					switch {
					case err == nil:
						moves.Add(1)
					case i%3 > 0 || !fault.Is(err, fault.LeaseLost):
						return fmt.Errorf("move with fencing number %d: %w", held.Fencing, err)
					}
					_, err = w.registry().Unlock(t.Context(), Release{"acme", held.Fencing})
					w.end(execution)
					return err
				}
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		if now := w.tenant(); now.Lease.Fencing != 12 || now.Generation != 1+moves.Load() || moves.Load() < 8 {
			t.Errorf("after %d moves: %+v", moves.Load(), now)
		}
	})
}

// deaf drops the answers of so many writes on their way back: the SDK's own retry then meets what it wrote itself.
type deaf struct{ drop atomic.Int64 }

func (d *deaf) RoundTrip(r *http.Request) (*http.Response, error) {
	out, err := http.DefaultTransport.RoundTrip(r)
	target := r.Header.Get("X-Amz-Target")
	if err == nil && (target == "DynamoDB_20120810.UpdateItem" || target == "DynamoDB_20120810.TransactWriteItems") && d.drop.Add(-1) >= 0 {
		return nil, errors.Join(out.Body.Close(), errors.New("connection reset by peer"))
	}
	return out, err
}

func TestAnswersLostOnTheWire(t *testing.T) {
	way := &deaf{}
	w := newWorld(t, client(way), newTable(t))
	ctx := t.Context()
	lossy := func(what string, call func() error) {
		t.Helper()
		way.drop.Store(1)
		if err := call(); err != nil || way.drop.Load() >= 0 {
			t.Fatalf("%s: %v, %d answers to drop are left", what, err, way.drop.Load())
		}
	}
	lossy("register", func() error {
		got, err := w.registrar().Register(ctx, Registration{Description: acme()})
		if got.Generation != 1 {
			t.Errorf("registered %+v", got)
		}
		return err
	})
	lossy("lock", func() error {
		got, err := w.lock(w.start("one"))
		if got.Fencing != 1 || got.Tenant.Lease.Holder != arn("one") {
			t.Errorf("locked %+v", got)
		}
		return err
	})
	lossy("move", func() error {
		got, err := w.registry().Move(ctx, newServer(1, 2))
		if got.Generation != 2 {
			t.Errorf("moved %+v", got)
		}
		return err
	})
	lossy("rotate", func() error { return w.registry().SetCredential(ctx, Rotation{"acme", "cred-1", "cred-2"}) })
	lossy("take", func() error {
		got, err := w.budget(1, 1).Take(ctx, "acme", arn("one"))
		if got != Granted {
			t.Errorf("took %v", got)
		}
		return err
	})
	w.end(arn("one"))
	w.takes(w.budget(1, 1), "acme", arn("two"), TenantSpent)
	lossy("unlock", func() error {
		got, err := w.registry().Unlock(ctx, Release{"acme", 1})
		if !got.Released {
			t.Error("not released")
		}
		return err
	})
	if now := w.tenant(); now.Generation != 3 || !reflect.DeepEqual(now.Lease, Lease{Fencing: 1, LeftBehind: []string{}}) {
		t.Errorf("the registry has %+v", now)
	}
}

// TestRealExecutions takes a lease over from executions of a real state machine.
func TestRealExecutions(t *testing.T) {
	w := newWorld(t, client(http.DefaultTransport), newTable(t))
	w.registered()
	ctx, machines := t.Context(), sfn.NewFromConfig(archivetest.AWS)
	role, err := iam.NewFromConfig(archivetest.AWS).CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: ptr("holder-" + uuid.NewString()), AssumeRolePolicyDocument: ptr(`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":{"Service":"states.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	machine, err := machines.CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: ptr("holder-" + uuid.NewString()), RoleArn: role.Role.Arn,
		Definition: ptr(`{"StartAt":"Wait","States":{"Wait":{"Type":"Wait","Seconds":3600,"End":true}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	start := func() string {
		t.Helper()
		out, err := machines.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: machine.StateMachineArn})
		if err != nil {
			t.Fatal(err)
		}
		return *out.ExecutionArn
	}
	stop := func(arn string) {
		t.Helper()
		if _, err := machines.StopExecution(ctx, &sfn.StopExecutionInput{ExecutionArn: &arn}); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool {
			out, err := machines.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &arn})
			return err == nil && out.Status == sfntypes.ExecutionStatusAborted
		})
	}
	l := w.locker()
	l.Executions = StepFunctions{machines}
	lock := func(arn string) (Locked, error) {
		return l.Lock(ctx, lockInput(arn, `{"tenant_id":"acme","reason":"vps_failure"}`))
	}
	one, two := start(), start()
	if _, err := lock(one); err != nil {
		t.Fatal(err)
	}
	_, err = lock(two)
	wants(t, err, fault.TenantLocked)
	stop(one)
	held, err := lock(two)
	if err != nil || held.Fencing != 2 || !slices.Equal(held.Tenant.Lease.LeftBehind, []string{one}) {
		t.Errorf("locked %+v, %v", held.Tenant.Lease, err)
	}
	stop(two)
	// A holder that Step Functions never knew does not hold for ever.
	for n, holder := range []string{one + "-unknown", two} {
		if held, err := lock(holder); err != nil || held.Fencing != int64(3+n) {
			t.Errorf("locked %+v, %v", held.Tenant.Lease, err)
		}
	}
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it did not come about within 30 seconds")
		}
	}
}

func ptr(s string) *string { return &s }
