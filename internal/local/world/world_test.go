package world_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/miekg/dns"

	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/local/world"
)

// noZones is a Route 53 without zones.
type noZones struct{}

func (noZones) ListHostedZones(context.Context, *route53.ListHostedZonesInput, ...func(*route53.Options)) (*route53.ListHostedZonesOutput, error) {
	return &route53.ListHostedZonesOutput{}, nil
}

func (noZones) ListResourceRecordSets(context.Context, *route53.ListResourceRecordSetsInput, ...func(*route53.Options)) (*route53.ListResourceRecordSetsOutput, error) {
	return &route53.ListResourceRecordSetsOutput{}, nil
}

// everywhere are the host:port of all that is in a world.
func everywhere(t *testing.T, p world.Place) []string {
	t.Helper()
	all := []string{p.DNS, p.Sender}
	for _, text := range []string{p.Provider, p.Control} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, u.Host)
	}
	return all
}

func answers(t *testing.T, p world.Place) {
	t.Helper()
	for _, address := range everywhere(t, p) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
	m := new(dns.Msg)
	m.SetQuestion("1.0.0.127.in-addr.arpa.", dns.TypePTR)
	if reply, err := dns.Exchange(m, p.DNS); err != nil || reply.Rcode != dns.RcodeNameError {
		t.Errorf("the name of an address that no server has: %v, %v", reply, err)
	}
}

func gone(t *testing.T, p world.Place) {
	t.Helper()
	for _, address := range everywhere(t, p) {
		if conn, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("%s after the end: %v, %v", address, conn, err)
		}
	}
}

func TestAWorldEndsWhole(t *testing.T) {
	w, err := world.Start(t.Context(), world.Options{Provider: server.Options{Dir: t.TempDir()}, Zones: noZones{}})
	if err != nil {
		t.Fatal(err)
	}
	answers(t, w.Place())
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	gone(t, w.Place())
}

func TestAWorldThatIsStoppedAtOnceEndsWhole(t *testing.T) {
	for range 100 {
		w, err := world.Start(t.Context(), world.Options{Provider: server.Options{Dir: t.TempDir()}, Zones: noZones{}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
		gone(t, w.Place())
	}
}
