package vps_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

func reverseInput(id string, ip netip.Addr) vps.ReverseInput {
	return vps.ReverseInput{TenantID: "acme", Fencing: 7, ServerID: id, Hostname: "mail.acme.example", IP: ip, Execution: run(1)}
}

func TestReverseNamesTheServersAddress(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	s, other := p.mustCreate(specOf(t, "one")), p.mustCreate(specOf(t, "two"))
	before := p.provider.Reverse(other.IPv4)
	for range 2 {
		done, err := vps.Reverser{Project: p, Lease: holder(7)}.Reverse(t.Context(), reverseInput(text(s.ID), s.IPv4))
		if err != nil || !slices.Equal(done.Addresses, []netip.Addr{s.IPv4}) {
			t.Fatalf("Reverse = %+v, %v", done, err)
		}
	}
	if got := p.provider.Reverse(s.IPv4); got != "mail.acme.example" {
		t.Errorf("the provider serves %q", got)
	}
	if got := p.provider.Reverse(other.IPv4); got != before {
		t.Errorf("another server is called %q", got)
	}

	both := reverseInput(text(s.ID), s.IPv4)
	both.IPv6 = netip.MustParseAddr("2001:db8::1")
	_, err := vps.Reverser{Project: p, Lease: holder(7)}.Reverse(t.Context(), both)
	wantFault(t, err, fault.ProviderRefused, "2001:db8::1 is not an address of server")
}

// A provider that has taken the order and does not serve the name yet is asked again.
func TestReverseIsSeen(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	s := p.mustCreate(specOf(t, "one"))
	p.provider.SetFaults(server.Faults{PtrIgnored: true})
	reverser, in := vps.Reverser{Project: p, Lease: holder(7)}, reverseInput(text(s.ID), s.IPv4)
	_, err := reverser.Reverse(t.Context(), in)
	wantFault(t, err, fault.ProviderUnavailable, "")
	p.provider.SetFaults(server.Faults{})
	if _, err := reverser.Reverse(t.Context(), in); err != nil {
		t.Error(err)
	}
}

func TestReverseTouchesNothing(t *testing.T) {
	t.Parallel()
	_, err := vps.Reverser{Project: sealed{t}, Lease: holder(8)}.Reverse(t.Context(), reverseInput("4711", elsewhere))
	wantFault(t, err, fault.LeaseLost, "acme")
	for _, id := range untouchable {
		_, err := vps.Reverser{Project: sealed{t}, Lease: holder(7)}.Reverse(t.Context(), reverseInput(id, elsewhere))
		wantFault(t, err, fault.InvalidInput, "no server id")
	}
}

func TestReverseInputIsWhole(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*vps.ReverseInput){
		"tenant":    func(in *vps.ReverseInput) { in.TenantID = "" },
		"fencing":   func(in *vps.ReverseInput) { in.Fencing = 0 },
		"server":    func(in *vps.ReverseInput) { in.ServerID = "" },
		"hostname":  func(in *vps.ReverseInput) { in.Hostname = "" },
		"ip":        func(in *vps.ReverseInput) { in.IP = netip.Addr{} },
		"execution": func(in *vps.ReverseInput) { in.Execution.ARN = "" },
	} {
		in := reverseInput("4711", elsewhere)
		if err := in.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&in)
		if err := in.Validate(); err == nil {
			t.Errorf("an input without %s is accepted", name)
		}
	}
}
