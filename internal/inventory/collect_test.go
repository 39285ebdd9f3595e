package inventory

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// fake is a Vault in memory.
type fake struct {
	mounts, methods, policies map[string]string
	roles                     map[string][]string
	devices                   []string
	// secrets by mount and path; a nil one is listed and then not there any more.
	secrets map[string]map[string]*vault.Secret
	// fail answers the call of that name ("ReadSecret smtp/a") with the error.
	fail map[string]error

	reading, most atomic.Int32
	gate          chan struct{} // if set, reads wait for it; it opens when there are Workers of them
	open          sync.Once
}

func (f *fake) Mounts(context.Context) (map[string]string, error) { return f.mounts, f.fail["Mounts"] }
func (f *fake) AuthMethods(context.Context) (map[string]string, error) {
	return f.methods, f.fail["AuthMethods"]
}
func (f *fake) AuthRoles(_ context.Context, method string) ([]string, error) {
	return f.roles[method], f.fail["AuthRoles"]
}
func (f *fake) AuditDevices(context.Context) ([]string, error) {
	return f.devices, f.fail["AuditDevices"]
}
func (f *fake) Policies(context.Context) (map[string]string, error) {
	return f.policies, f.fail["Policies"]
}

func (f *fake) ListSecrets(_ context.Context, mount string) ([]string, error) {
	var paths []string
	for path := range f.secrets[mount] {
		paths = append(paths, path) // in no order, as Vault's folders are
	}
	return paths, f.fail["ListSecrets "+mount]
}

func (f *fake) ReadSecret(ctx context.Context, mount, path string, version int) (*vault.Secret, error) {
	if version != 0 {
		return nil, fmt.Errorf("version %d was asked for", version)
	}
	now := f.reading.Add(1)
	defer f.reading.Add(-1)
	for most := f.most.Load(); now > most && !f.most.CompareAndSwap(most, now); most = f.most.Load() {
	}
	if f.gate != nil {
		if now == Workers {
			for range 1000 {
				runtime.Gosched() // whoever else may read comes in meanwhile
			}
			f.open.Do(func() { close(f.gate) })
		}
		select {
		case <-f.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return f.secrets[mount][path], f.fail["ReadSecret "+mount+path]
}

var created = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)

func live(version int, data map[string]any) *vault.Secret {
	return &vault.Secret{Data: data, Version: version, CreatedTime: created}
}

func example() *fake {
	return &fake{
		mounts:   map[string]string{"smtp/": "kv-v2", "dkim/": "kv-v2", "old/": "kv-v1", "transit/": "transit"},
		methods:  map[string]string{"aws/": "aws", "approle/": "approle", "token/": "token"},
		roles:    map[string][]string{"aws/": {"two", "one"}, "approle/": {"ci"}, "token/": {"never asked for"}},
		policies: map[string]string{"default": "a", "root": ""},
		devices:  []string{"socket/", "file/"},
		secrets: map[string]map[string]*vault.Secret{
			"smtp/": {
				"b/admin":    live(3, map[string]any{"password": "p"}),
				"a/admin":    live(1, map[string]any{"password": "p"}),
				"a/deleted":  {Version: 2, CreatedTime: created, Gone: true},
				"a/vanished": nil,
			},
			"dkim/": {"x/s1": live(1, map[string]any{"key": "k"})},
			"old/":  {"must not be read": live(1, nil)},
		},
		fail: map[string]error{},
	}
}

func TestCollect(t *testing.T) {
	head := testHead()
	head.Salt = "is made by Collect"
	got, err := Collect(t.Context(), example(), head)
	if err != nil {
		t.Fatal(err)
	}
	if salt, err := hex.DecodeString(got.Salt); err != nil || len(salt) != 32 {
		t.Errorf("salt %q", got.Salt)
	}
	head.Salt = got.Salt
	if got.Head != head {
		t.Errorf("head %+v, want %+v", got.Head, head)
	}
	print := func(data map[string]any) string {
		t.Helper()
		text, err := got.Fingerprint(data)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	wantThings := []Thing{
		{kindAudit, "file/", ""}, {kindAudit, "socket/", ""},
		{kindAuth, "approle/", "approle"}, {kindAuth, "aws/", "aws"}, {kindAuth, "token/", "token"},
		{kindMount, "dkim/", "kv-v2"}, {kindMount, "old/", "kv-v1"}, {kindMount, "smtp/", "kv-v2"}, {kindMount, "transit/", "transit"},
		{kindPolicy, "default", print(map[string]any{"policy": "a"})}, {kindPolicy, "root", print(map[string]any{"policy": ""})},
		{kindRole, "approle/ci", ""}, {kindRole, "aws/one", ""}, {kindRole, "aws/two", ""},
	}
	if !reflect.DeepEqual(got.Things, wantThings) {
		t.Errorf("things\n%v\nwant\n%v", got.Things, wantThings)
	}
	password := print(map[string]any{"password": "p"})
	wantSecrets := []Secret{
		{"", "dkim/", "x/s1", 1, created, false, print(map[string]any{"key": "k"})},
		{"", "smtp/", "a/admin", 1, created, false, password},
		{"", "smtp/", "a/deleted", 2, created, true, ""},
		{"", "smtp/", "b/admin", 3, created, false, password},
	}
	if !reflect.DeepEqual(got.Secrets, wantSecrets) {
		t.Errorf("secrets\n%v\nwant\n%v", got.Secrets, wantSecrets)
	}
	read, err := Read(strings.NewReader(written(t, got)))
	if err != nil {
		t.Fatal(err)
	}
	if written(t, read) != written(t, got) {
		t.Error("what was collected does not come back from its file")
	}
	again, err := Collect(t.Context(), example(), head)
	if err != nil || again.Salt == got.Salt {
		t.Errorf("two inventories share a salt, or: %v", err)
	}
}

func TestCollectReadsManyAtOnce(t *testing.T) {
	v := example()
	v.gate = make(chan struct{})
	var want []string
	for i := range 40 * Workers {
		path := fmt.Sprintf("%d/admin", i)
		v.secrets["dkim/"][path] = live(1, map[string]any{"i": i})
		want = append(want, path)
	}
	delete(v.secrets, "smtp/") // fewer than Workers: the gate would not open
	delete(v.secrets["dkim/"], "x/s1")
	slices.Sort(want)
	got, err := Collect(t.Context(), v, testHead())
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, s := range got.Secrets {
		paths = append(paths, s.Path)
	}
	if !slices.Equal(paths, want) {
		t.Errorf("%d secrets, want %d, sorted", len(paths), len(want))
	}
	if most := v.most.Load(); most != Workers {
		t.Errorf("%d reads at once, want %d", most, Workers)
	}
}

func TestCollectFailsWhole(t *testing.T) {
	for _, call := range []string{
		"Mounts", "AuthMethods", "AuthRoles", "AuditDevices", "Policies", "ListSecrets smtp/", "ReadSecret smtp/a/admin", "ReadSecret dkim/x/s1",
	} {
		v := example()
		v.fail[call] = errors.New("refused")
		got, err := Collect(t.Context(), v, testHead())
		if !errors.Is(err, v.fail[call]) || !reflect.DeepEqual(got, Inventory{}) {
			t.Errorf("%s fails: Collect = %+v, %v", call, got, err)
		}
	}
}

func TestCollectTellsNoSecretOfDataThatIsNotJSON(t *testing.T) {
	v := example()
	v.secrets["smtp/"]["a/admin"].Data = map[string]any{"password": "never-to-be-seen", "odd": func() {}}
	_, err := Collect(t.Context(), v, testHead())
	if err == nil || strings.Contains(err.Error(), "never-to-be-seen") || !strings.Contains(err.Error(), "smtp/a/admin") {
		t.Errorf("Collect = %v", err)
	}
}

func TestCollectEndsWithItsContext(t *testing.T) {
	v := example()
	v.gate = make(chan struct{}) // four secrets: it never opens
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := Collect(ctx, v, testHead()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Collect = %v", err)
	}
}

// The Vault answers at once: what is measured is the work of this package.
func BenchmarkCollect(b *testing.B) {
	v := example()
	for i := range 10_000 {
		v.secrets["smtp/"][fmt.Sprintf("%05d/admin", i)] = live(1, map[string]any{"password": "vault:v1:abc", "i": i})
	}
	for b.Loop() {
		if _, err := Collect(b.Context(), v, testHead()); err != nil {
			b.Fatal(err)
		}
	}
}
