package dns

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/miekg/dns"
)

// moving is a Route 53 that changes.
type moving struct{ now atomic.Pointer[account] }

func (m *moving) ListHostedZones(ctx context.Context, in *route53.ListHostedZonesInput, o ...func(*route53.Options)) (*route53.ListHostedZonesOutput, error) {
	return m.now.Load().ListHostedZones(ctx, in, o...)
}

func (m *moving) ListResourceRecordSets(ctx context.Context, in *route53.ListResourceRecordSetsInput, o ...func(*route53.Options)) (*route53.ListResourceRecordSetsOutput, error) {
	return m.now.Load().ListResourceRecordSets(ctx, in, o...)
}

func TestALaggingServerAnswersFromThePast(t *testing.T) {
	zones := &moving{}
	zones.now.Store(newAccount())
	s := start(t, Options{Zones: zones})
	m := new(dns.Msg)
	m.SetQuestion("deep.example.com.", dns.TypeA)
	expect := func(when, address string) {
		t.Helper()
		if got, want := summary(exchange(t, "udp", s.Addr, m)), "NOERROR ; aa ; deep.example.com. 300 IN A "+address; got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	expect("before", "203.0.113.15")
	if err := s.Lag(t.Context()); err != nil {
		t.Fatal(err)
	}
	later := newAccount()
	later.sets["Z3"][1].ResourceRecords = []types.ResourceRecord{{Value: aws.String("203.0.113.16")}}
	zones.now.Store(later)
	expect("lagging", "203.0.113.15")
	s.CatchUp()
	expect("caught up", "203.0.113.16")
	broken := &account{err: errors.New("no answer")}
	zones.now.Store(broken)
	if err := s.Lag(t.Context()); !errors.Is(err, broken.err) {
		t.Errorf("a past that cannot be read: %v", err)
	}
}
