package watch

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/mailprobe"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// street is where the servers are: those that are dead take as long to say so as Patience allows.
type street struct {
	mu          sync.Mutex
	dead        func(hostname string) bool
	doors, most int
}

func (s *street) Knock(ctx context.Context, t mailprobe.Target) mailprobe.Probed {
	s.mu.Lock()
	s.doors++
	s.most = max(s.most, s.doors)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.doors--
		s.mu.Unlock()
	}()
	if !s.dead(t.Hostname) {
		return mailprobe.Probed{Well: true}
	}
	select {
	case <-time.After(Patience):
	case <-ctx.Done():
	}
	return mailprobe.Probed{Ports: []mailprobe.Port{{Port: 993, Why: "timeout"}, {Port: 443, Open: true}}}
}

type cluster struct{ err error }

func (c cluster) Leader(context.Context) (*vault.Node, vault.Health, error) {
	return nil, vault.Health{}, c.err
}

func (w *world) prober(dead ...string) Prober {
	return Prober{Tenants: w, Vault: cluster{}, Metrics: w, Now: func() time.Time { return noon },
		Servers: &street{dead: func(hostname string) bool { return slices.Contains(dead, hostname) }}}
}

func TestEveryServerGetsItsMetric(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.live("acme", "globex", "initech")
		got, err := w.prober("mail.globex.example").Probe(t.Context(), ProbeInput{})
		if err != nil || got != (Platform{Tenants: 3, Down: 1, VaultUsable: true}) {
			t.Errorf("got %+v, %v", got, err)
		}
		want := []string{"VaultUsable 1", "ServerDown acme 0", "ServerDown globex 1", "ServerDown initech 0", "ProbeHeartbeat 1"}
		if d := cmp.Diff(want, w.data()); d != "" {
			t.Error(d)
		}
		if last := w.calls[len(w.calls)-1]; len(last) != 1 {
			t.Errorf("the heartbeat was put together with %d other data", len(last)-1)
		}
		for _, d := range slices.Concat(w.calls...) {
			if !d.Timestamp.Equal(noon) {
				t.Errorf("%s is of %v", *d.MetricName, d.Timestamp)
			}
		}
	})
}

// A region is gone: a thousand servers and Vault. The round still fits the minute, and Lambda's 1,024 file descriptors.
func TestAThousandDeadServersFitTheMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 1000 {
			w.live(fmt.Sprintf("tenant-%04d", i))
		}
		p := w.prober()
		gone := &street{dead: func(string) bool { return true }}
		p.Servers, p.Vault = gone, cluster{fault.VaultUnreachable.Errorf("no answer")}
		started := time.Now()
		got, err := p.Probe(t.Context(), ProbeInput{})
		if err != nil || got != (Platform{Tenants: 1000, Down: 1000}) {
			t.Errorf("got %+v, %v", got, err)
		}
		if took := time.Since(started); took > 30*time.Second {
			t.Errorf("it took %v", took)
		}
		if ports := 4; gone.most*ports > 900 {
			t.Errorf("%d servers at once, four ports each", gone.most)
		}
		data := w.data()
		if len(data) != 1002 || data[0] != "VaultUsable 0" || data[1001] != "ProbeHeartbeat 1" {
			t.Errorf("%d data, from %s to %s", len(data), data[0], data[len(data)-1])
		}
	})
}

// Whatever keeps a tenant from being looked at leaves the round without its heartbeat, which rings.
func TestNoHeartbeatWithoutAWholeRound(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*world)
		want    fault.Name
		data    []string
	}{
		"a record cannot be read": {func(w *world) {
			w.unread = fault.Unexpected.Errorf("tenant broken: hostname is missing")
		}, fault.Unexpected, []string{"VaultUsable 1", "ServerDown acme 0"}},
		"no record can be read": {func(w *world) {
			w.tenants, w.unread = nil, fault.Unexpected.Errorf("tenant broken: hostname is missing")
		}, fault.Unexpected, []string{"VaultUsable 1"}},
		"the registry does not answer": {func(w *world) {
			w.tenants, w.unread = nil, fault.AWSUnavailable.Errorf("no route")
		}, fault.AWSUnavailable, nil},
		"CloudWatch does not answer": {func(w *world) { w.refuses = ServerDown }, fault.AWSUnavailable, nil},
		"CloudWatch takes all but the heartbeat": {func(w *world) {
			w.refuses = ProbeHeartbeat
		}, fault.AWSUnavailable, []string{"VaultUsable 1", "ServerDown acme 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.live("acme")
			c.prepare(w)
			_, err := w.prober().Probe(t.Context(), ProbeInput{})
			wants(t, err, c.want)
			if d := cmp.Diff(c.data, w.data()); d != "" {
				t.Error(d)
			}
		})
	}
}

// A knock that was cut off looks like a dead server and says nothing.
func TestARoundThatIsCutOffSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.live("acme")
		ctx, cancel := context.WithTimeout(t.Context(), Patience/2)
		defer cancel()
		_, err := w.prober("mail.acme.example").Probe(ctx, ProbeInput{})
		wants(t, err, fault.Unexpected)
		if got := w.data(); len(got) != 0 {
			t.Errorf("it put %v", got)
		}
	})
}
