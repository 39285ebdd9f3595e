//go:build platform

package dns_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/google/go-cmp/cmp"
	wire "github.com/miekg/dns"

	"github.com/penguinmails/disaster-recovery/internal/archive/archivetest"
	"github.com/penguinmails/disaster-recovery/internal/dns"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/local/engine"
)

func TestMain(m *testing.M) { archivetest.Main(m) }

func TestForwardAndBack(t *testing.T) {
	h := newTenant(t)
	before := h.records()
	if got := h.resolve("mail."+domain+".", wire.TypeA); !cmp.Equal(got, []string{"203.0.113.10"}) {
		t.Fatalf("before: %v", got)
	}
	if ttl, found, err := (dns.Zone{RecordSets: h.client}).TTL(t.Context(), h.zoneID, "mail."+domain); ttl != 60 || !found || err != nil {
		t.Errorf("TTL = %v, %v", ttl, err)
	}
	done, err := h.updater.Update(t.Context(), h.forward(7, newServer))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]dns.State{dns.Pending, dns.Visible}, h.visible(done)); diff != "" {
		t.Errorf("forward: %s", diff)
	}
	for _, tt := range []struct {
		name string
		of   uint16
		want []string
	}{
		{"mail.", wire.TypeA, []string{"198.51.100.20"}},
		{"mail.", wire.TypeAAAA, []string{"2001:db8:2::1"}},
		{"autoconfig.", wire.TypeA, []string{"198.51.100.20", "192.0.2.7"}},
		{"whatever.", wire.TypeA, []string{"198.51.100.20"}},
		{"www.", wire.TypeA, []string{"192.0.2.7"}},
		{"", wire.TypeTXT, []string{`"site-verification=abc"`, `"v=spf1 a:x.example ip4:198.51.100.20 include:_spf.example.net ~all"`}},
	} {
		if diff := cmp.Diff(tt.want, h.resolve(tt.name+domain+".", tt.of)); diff != "" {
			t.Errorf("%s after: %s", tt.name, diff)
		}
	}
	undone, err := h.updater.Back(t.Context(), h.back(7))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]dns.State{dns.Pending, dns.Visible}, h.visible(undone)); diff != "" {
		t.Errorf("back: %s", diff)
	}
	if diff := cmp.Diff(before, h.records()); diff != "" {
		t.Errorf("the zone is not as it was:\n%s", diff)
	}
	// What was visible is not any more.
	if states := h.visible(done); states[0] != dns.InSyncNotVisible || len(states) != 5 {
		t.Errorf("the undone change is %v", states)
	}
}

func TestAStaleRunIsRefusedWhole(t *testing.T) {
	h := newTenant(t)
	// The stale run has read the zone, and the newer one changes it before its batch arrives.
	overtaken := &between{Client: h.client, before: func() {
		if _, err := h.updater.Update(t.Context(), h.forward(8, newServer)); err != nil {
			t.Error(err)
		}
	}}
	stale := dns.Addresses{IP: netip.MustParseAddr("198.51.100.99")}
	_, err := dns.Updater{Zones: overtaken}.Update(t.Context(), h.forward(7, stale))
	if !fault.Is(err, fault.LeaseLost) || !overtaken.refused.Load() {
		t.Errorf("got %v, refused by Route 53: %v", err, overtaken.refused.Load())
	}
	for _, line := range h.records() {
		if strings.Contains(line, "203.0.113.10") || strings.Contains(line, "198.51.100.99") {
			t.Errorf("the zone holds %s", line)
		}
	}
}

// between runs something once between the reading of a zone and the batch.
type between struct {
	*route53.Client
	once    sync.Once
	before  func()
	refused atomic.Bool
}

func (b *between) ChangeResourceRecordSets(ctx context.Context, in *route53.ChangeResourceRecordSetsInput, o ...func(*route53.Options)) (*route53.ChangeResourceRecordSetsOutput, error) {
	b.once.Do(b.before)
	out, err := b.Client.ChangeResourceRecordSets(ctx, in, o...)
	b.refused.Store(err != nil)
	return out, err
}

func TestTwoRunsAtOnce(t *testing.T) {
	h := newTenant(t)
	var wg sync.WaitGroup
	errs := make([]error, 2)
	addresses := []string{"198.51.100.20", "198.51.100.21"}
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = h.updater.Update(t.Context(), h.forward(int64(7+i), dns.Addresses{IP: netip.MustParseAddr(addresses[i])}))
		})
	}
	wg.Wait()
	winner := 0
	if errs[0] != nil {
		winner = 1
	}
	loser := errs[1-winner]
	// The older one has lost its lease; the newer one finds a zone that it does not know.
	if errs[winner] != nil || !fault.Is(loser, []fault.Name{fault.DNSRefused, fault.LeaseLost}[winner]) {
		t.Fatalf("%v; %v", errs[0], errs[1])
	}
	moved := 0
	for _, line := range h.records() {
		if strings.Contains(line, addresses[winner]) {
			moved++
		}
		if strings.Contains(line, addresses[1-winner]) || strings.Contains(line, "203.0.113.10") {
			t.Errorf("the zone holds %s", line)
		}
	}
	if moved != 4 {
		t.Errorf("%d records were moved", moved)
	}
}

// The answer to the batch is lost. The SDK sends it again, Route 53 refuses it, and the step finds its own change.
func TestALostAnswer(t *testing.T) {
	for name, options := range map[string]func(*route53.Options){
		"the SDK retries":  func(*route53.Options) {},
		"the step retries": func(o *route53.Options) { o.Retryer = retry.AddWithMaxAttempts(retry.NewStandard(), 1) },
	} {
		t.Run(name, func(t *testing.T) {
			loses := &losesOne{}
			h := newTenant(t, options, func(o *route53.Options) { o.HTTPClient = loses })
			loses.armed.Store(true)
			done, err := h.updater.Update(t.Context(), h.forward(7, newServer))
			if name == "the step retries" {
				if !fault.Is(err, fault.AWSUnavailable) {
					t.Fatalf("the lost answer: %v", err)
				}
				done, err = h.updater.Update(t.Context(), h.forward(7, newServer))
			}
			if err != nil || loses.armed.Load() || len(done.Edits) != 5 {
				t.Fatalf("Update = %+v, %v", done, err)
			}
			if states := h.visible(done); states[len(states)-1] != dns.Visible {
				t.Errorf("it is %v", states)
			}
		})
	}
}

// losesOne drops the answer to one batch after it was made.
type losesOne struct{ armed atomic.Bool }

func (l *losesOne) Do(r *http.Request) (*http.Response, error) {
	response, err := (&http.Client{Transport: engine.Transport{}}).Do(r)
	if err == nil && r.Method == http.MethodPost && l.armed.CompareAndSwap(true, false) {
		return nil, errors.Join(io.ErrUnexpectedEOF, response.Body.Close())
	}
	return response, err
}
