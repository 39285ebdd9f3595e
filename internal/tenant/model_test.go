package tenant

import (
	"context"
	"fmt"
	"io"
	"iter"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"pgregory.net/rapid"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// TestNoTwoHoldersWhoseGuardPasses runs recoveries and an operator side by side in one thread, call by call to AWS, in
// every order that rapid thinks of: answers get lost, functions die between two calls, executions are aborted while a
// copy of their step goes on, credentials are rotated meanwhile.
func TestNoTwoHoldersWhoseGuardPasses(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{world: newWorld(t, newMemory(t), "tenants"), rt: rt, credential: 1}
		m.registered()
		defer func() {
			for _, a := range m.actors {
				a.stop()
			}
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"recover":  func(*rapid.T) { m.begin(m.recovery) },
			"register": func(*rapid.T) { m.begin(m.registration) },
			"step":     func(rt *rapid.T) { m.resume(rt, m.pick(rt), rapid.IntRange(1, 8).Draw(rt, "calls")) },
			"one call": func(rt *rapid.T) { m.resume(rt, m.pick(rt), 1) },
			"all":      func(rt *rapid.T) { m.all(rt) },
			"lose":     func(rt *rapid.T) { a := m.pick(rt); a.lose = true; m.resume(rt, a, 1) },
			"crash":    func(rt *rapid.T) { a := m.pick(rt); a.stop(); a.over = true; m.end(a.arn) },
			"abort":    func(*rapid.T) { m.end(m.tenant().Lease.Holder) },
			"rotate":   m.rotate,
			"":         m.holds,
		})
		m.settle()
	})
}

// model is the world with what is known to have happened in it.
type model struct {
	*world
	rt         *rapid.T
	actors     []*actor
	credential int   // the newest
	changes    int64 // of the description, that took effect
}

// actor is one process, asleep before its next call.
type actor struct {
	arn    string
	locked Locked // what its Lock answered
	lose   bool   // the answer of its next call
	over   bool
	next   func() (string, bool)
	stop   func()
}

func (m *model) begin(program func(*actor, calls)) {
	if len(m.live()) == 5 {
		m.rt.Skip("enough actors")
	}
	a := &actor{arn: m.start(fmt.Sprint(len(m.actors)))}
	a.next, a.stop = iter.Pull(func(yield func(string) bool) {
		program(a, calls{m, a, yield})
		m.end(a.arn)
	})
	m.actors = append(m.actors, a)
}

func (m *model) live() (live []*actor) {
	for _, a := range m.actors {
		if !a.over {
			live = append(live, a)
		}
	}
	return live
}

func (m *model) pick(rt *rapid.T) *actor {
	live := m.live()
	if len(live) == 0 {
		rt.Skip("nobody is there")
	}
	return rapid.SampledFrom(live).Draw(rt, "actor")
}

// resume lets an actor make so many calls, or as many as it still has to make.
func (m *model) resume(rt *rapid.T, a *actor, calls int) {
	for range calls {
		call, more := a.next()
		rt.Logf("%s now at %q", a.arn[len(arn("")):], call)
		if a.over = !more; a.over {
			return
		}
	}
}

// all lets every actor make a call or two.
func (m *model) all(rt *rapid.T) {
	for _, a := range m.live() {
		m.resume(rt, a, rapid.IntRange(0, 4).Draw(rt, "calls"))
	}
}

// none are restores of Vault: there is none.
type none struct{}

func (none) Guard(context.Context) error { return nil }

// recovery is the part of vps-recovery that this package sees.
func (m *model) recovery(a *actor, c calls) {
	ctx := context.Background()
	r := Registry{Database: c, Table: m.table}
	l := Locker{Registry: r, Executions: c, Restores: none{}, Now: m.clock}
	err := fault.TenantLocked.Errorf("not asked yet")
	for try := 0; try < 20 && fault.Is(err, fault.TenantLocked); try++ {
		retry(func() error {
			a.locked, err = l.Lock(ctx, lockInput(a.arn, `{"tenant_id":"acme","reason":"vps_failure"}`))
			return err
		})
	}
	fencing := a.locked.Fencing
	if fencing == 0 {
		return
	}
	move := newServer(fencing, int(fencing))
	move.CredentialID = a.locked.Tenant.CredentialID
	retry(func() error { return r.Guard(ctx, "acme", fencing) }) // a copy that has passed it goes on, whatever it says
	retry(func() (err error) { _, err = r.Move(ctx, move); return err })
	retry(func() (err error) { _, err = r.Unlock(ctx, Release{"acme", fencing}); return err })
}

// registration is an operator who changes what he has read.
func (m *model) registration(_ *actor, c calls) {
	ctx := context.Background()
	g := Registrar{Registry: Registry{Database: c, Table: m.table}, Executions: c, Zone: m, Alarms: m}
	retry(func() error {
		old, err := g.Registry.Find(ctx, "acme")
		if err == nil {
			old.Name = fmt.Sprint("Acme ", old.Generation)
			_, err = g.Register(ctx, Registration{old.Description, old.Generation})
		}
		return err
	})
}

// retry is the state machine's: a few times, for the faults that may pass.
func retry(step func() error) {
	for range 3 {
		if err := step(); !fault.Is(err, fault.AWSUnavailable) {
			return
		}
	}
}

func (m *model) rotate(rt *rapid.T) {
	to := m.credential + 1
	err := m.world.registry().SetCredential(context.Background(), Rotation{"acme", fmt.Sprint("cred-", m.credential), fmt.Sprint("cred-", to)})
	if err != nil {
		rt.Fatal(err)
	}
	m.credential, m.changes = to, m.changes+1
}

// holds is the invariant.
func (m *model) holds(rt *rapid.T) {
	var passing []string
	for _, a := range m.actors {
		if a.locked.Fencing > 0 && m.registry().Guard(context.Background(), "acme", a.locked.Fencing) == nil {
			passing = append(passing, a.arn)
		}
	}
	now := m.tenant()
	if len(passing) > 1 {
		rt.Fatalf("the guard passes for %v", passing)
	}
	if len(passing) == 1 && now.Lease.Holder != passing[0] {
		rt.Fatalf("the guard passes for %s, and %s holds the lease", passing[0], now.Lease.Holder)
	}
	if now.Generation != 1+m.changes {
		rt.Fatalf("generation %d after %d changes", now.Generation, m.changes)
	}
}

// settle lets everything end: then the tenant is free for the next one.
func (m *model) settle() {
	for _, a := range m.actors {
		a.stop()
		m.end(a.arn)
	}
	if _, err := m.world.lock(m.start("last")); err != nil {
		m.rt.Fatalf("nobody runs, and the lease cannot be had: %v", err)
	}
}

// calls are an actor's way to AWS: it sleeps before each call.
type calls struct {
	m     *model
	a     *actor
	yield func(string) bool
}

func (c calls) wait(call string) error {
	if c.a.over || !c.yield(call) {
		c.a.over = true // it died here; nothing it still says is heard
		return context.Canceled
	}
	return nil
}

// answer loses an answer on the way back.
func (c calls) answer() error {
	if c.a.lose {
		c.a.lose = false
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (c calls) Running(ctx context.Context, arn string) (bool, error) {
	if err := c.wait("Running"); err != nil {
		return false, fault.AWSUnavailable.Errorf("describe: %w", err)
	}
	return c.m.Running(ctx, arn)
}

func (c calls) GetItem(ctx context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	if err := c.wait("GetItem"); err != nil {
		return nil, err
	}
	out, err := c.m.db.GetItem(ctx, in)
	if lost := c.answer(); lost != nil {
		return nil, lost
	}
	return out, err
}

func (c calls) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	if err := c.wait(*in.UpdateExpression); err != nil {
		return nil, err
	}
	before := c.m.tenant()
	out, err := c.m.db.UpdateItem(ctx, in)
	if err == nil {
		c.judge(before, c.m.tenant())
	}
	if lost := c.answer(); lost != nil {
		return nil, lost
	}
	return out, err
}

// judge holds a write that took effect against the rules of the lease.
func (c calls) judge(before, after Tenant) {
	rt, was, is := c.m.rt, before.Lease, after.Lease
	if after.Generation != before.Generation {
		c.m.changes++
	}
	if is.Fencing < was.Fencing || is.Holder != was.Holder && is.Holder != "" && is.Fencing != was.Fencing+1 {
		rt.Fatalf("the lease went from %+v to %+v", was, is)
	}
	if running, _ := c.m.Running(context.Background(), was.Holder); running && is.Holder != was.Holder && c.a.arn != was.Holder {
		rt.Fatalf("the lease of a running execution went from %+v to %+v", was, is)
	}
	mine := c.a.locked
	if before.VPS != after.VPS && (was.Holder != c.a.arn || was.Fencing != mine.Fencing || before.CredentialID != mine.Tenant.CredentialID) {
		rt.Fatalf("%s with fencing number %d and %s moved the tenant of %+v with %s",
			c.a.arn, mine.Fencing, mine.Tenant.CredentialID, was, before.CredentialID)
	}
	if before.CredentialID != after.CredentialID {
		rt.Fatalf("the credential went back from %s to %s", before.CredentialID, after.CredentialID)
	}
}
