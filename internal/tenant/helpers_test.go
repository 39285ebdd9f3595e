package tenant

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// backends make an empty table: in memory, and with the build tag platform on the local AWS too.
var backends = map[string]func(*testing.T) (database, string){
	"memory": func(t *testing.T) (database, string) { return newMemory(t), "tenants" },
}

// onEach runs a test on every backend.
func onEach(t *testing.T, test func(*testing.T, *world)) {
	for name, open := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, table := open(t)
			test(t, newWorld(t, db, table))
		})
	}
}

// world is a registry and all that it depends on.
type world struct {
	t     *testing.T
	db    *line
	table string

	mu      sync.Mutex
	running map[string]bool // executions
	down    error           // what Step Functions answers, when it is not nil
	restore error           // what is in the way of a change while Vault is being restored
	ttl     map[string]int  // "zone name" -> seconds
	watched []string        // tenants whose alarm was put
	mute    error           // what putting an alarm answers
	now     time.Time
}

func newWorld(t *testing.T, db database, table string) *world {
	return &world{t: t, db: &line{database: db}, table: table, running: map[string]bool{},
		ttl: map[string]int{"Z0123456789 mail.acme.example": 300},
		now: time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)}
}

func (w *world) registry() Registry { return Registry{Database: w.db, Table: w.table} }
func (w *world) registrar() Registrar {
	return Registrar{Registry: w.registry(), Executions: w, Zone: w, Alarms: w}
}
func (w *world) locker() Locker {
	return Locker{Registry: w.registry(), Executions: w, Restores: restores{w}, Now: w.clock, Lifetime: 90 * time.Minute}
}
func (w *world) budget(concurrent, perHour int) Budget {
	return Budget{Registry: w.registry(), Ledger: w.db, Executions: w, Restores: restores{w}, Limits: Limits{concurrent, perHour}, Now: w.clock}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) Running(_ context.Context, arn string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running[arn], w.down
}

// restores are the executions of vault-restore.
type restores struct{ w *world }

func (r restores) Guard(context.Context) error {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	return r.w.restore
}

// restoring is Vault being restored, or not any more.
func (w *world) restoring(underWay bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.restore = nil
	if underWay {
		w.restore = fault.RestoreUnderway.Tellf("vault-restore:one runs")
	}
}

// start starts an execution and gives its ARN.
func (w *world) start(name string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[arn(name)] = true
	return arn(name)
}

func (w *world) end(arn string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[arn] = false
}

func (w *world) TTL(_ context.Context, zone, name string) (int, bool, error) {
	ttl, found := w.ttl[zone+" "+name]
	return ttl, found, nil
}

// Put is the alarm on a tenant's server.
func (w *world) Put(_ context.Context, tenantID string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.mute == nil {
		w.watched = append(w.watched, tenantID)
	}
	return w.mute
}

func arn(name string) string {
	return "arn:aws:states:eu-central-1:123456789012:execution:vps-recovery:" + name
}

// line is the way to the database, on which answers get lost.
type line struct {
	database
	mu     sync.Mutex
	lose   int // so many writes take effect and answer nothing
	writes int // that took effect
}

func (l *line) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	out, err := l.database.UpdateItem(ctx, in, o...)
	if err = l.answer(err); err != nil {
		return nil, err
	}
	return out, nil
}

func (l *line) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	out, err := l.database.TransactWriteItems(ctx, in, o...)
	if err = l.answer(err); err != nil {
		return nil, err
	}
	return out, nil
}

func (l *line) answer(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		return err
	}
	l.writes++
	if l.lose > 0 {
		l.lose--
		return io.ErrUnexpectedEOF
	}
	return nil
}

// acme is a description without a flaw.
func acme() Description {
	return Description{
		ID: "acme", Name: "Acme Penguins Ltd.", Contact: "ops@elsewhere.example",
		Domains: []string{"acme.example", "xn--bcher-kva.example"}, Hostname: "mail.acme.example", HostedZoneID: "Z0123456789",
		VPS:     VPS{Provider: "hetzner", ID: "4711", IP: netip.MustParseAddr("9.9.9.9"), Region: "fsn1", Type: "cpx21"},
		Regions: []string{"fsn1", "nbg1"}, HostKey: hostKey(1), CredentialID: "cred-1", Priority: 2,
	}
}

// hostKey makes the n-th host key.
func hostKey(n byte) string {
	public := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize)).Public()
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// registered puts acme into the registry.
func (w *world) registered() {
	w.t.Helper()
	if _, err := w.registrar().Register(w.t.Context(), Registration{Description: acme()}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tenant() Tenant {
	w.t.Helper()
	t, err := w.registry().Find(w.t.Context(), "acme")
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func lockInput(execution, input string) LockInput {
	return LockInput{Input: json.RawMessage(input), Execution: task.Execution{
		ARN: execution, StartedAt: time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC), State: "LockTenant"}}
}

func (w *world) lock(execution string) (Locked, error) {
	return w.locker().Lock(w.t.Context(), lockInput(execution, `{"tenant_id":"acme","reason":"vps_failure"}`))
}

// locked takes the lease for an execution that runs.
func (w *world) locked(name string) Locked {
	w.t.Helper()
	l, err := w.lock(w.start(name))
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// newServer is a move to the n-th new server.
func newServer(fencing int64, n int) Move {
	return Move{TenantID: "acme", Fencing: fencing, CredentialID: "cred-1", HostKey: hostKey(byte(n)), VPS: VPS{
		Provider: "hetzner", ID: fmt.Sprint(5000 + n), IP: netip.AddrFrom4([4]byte{9, 9, 10, byte(n)}), Region: "nbg1", Type: "cpx21"}}
}

// wants fails the test unless err carries the fault.
func wants(t *testing.T, err error, name fault.Name) {
	t.Helper()
	if !fault.Is(err, name) {
		t.Errorf("got %v, want %s", err, name)
	}
}
