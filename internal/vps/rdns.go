package vps

import (
	"context"
	"net/netip"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// SetReverseDNS makes name the PTR record of ip, an address of the server. Mail from an address whose PTR does not name
// the sending host is refused by most of the world.
func (p *Provider) SetReverseDNS(ctx context.Context, id int64, ip netip.Addr, name string) error {
	s, err := p.mustGet(ctx, id)
	if err != nil {
		return err
	}
	if ptr, err := s.GetDNSPtrForIP(ip.AsSlice()); err == nil && ptr == name {
		return nil
	}
	if own := serverOf(s); ip != own.IPv4 && ip != own.IPv6 {
		return fault.ProviderRefused.Tellf("%s is not an address of server %d", ip, id)
	}
	action, response, err := p.cloud.RDNS.ChangeDNSPtr(ctx, s, ip.AsSlice(), hcloud.Ptr(name))
	if err != nil {
		return faultOf(err, response, "set the reverse DNS of server %d", id)
	}
	return failed(action, "set the reverse DNS of server %d", id)
}

// ReverseDNS is the PTR record that the provider serves for ip, an address of the server; empty if it serves none.
func (p *Provider) ReverseDNS(ctx context.Context, id int64, ip netip.Addr) (string, error) {
	s, err := p.mustGet(ctx, id)
	if err != nil {
		return "", err
	}
	ptr, err := s.GetDNSPtrForIP(ip.AsSlice())
	if err != nil {
		return "", nil // the client's way of saying that there is none
	}
	return ptr, nil
}
