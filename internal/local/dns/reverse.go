package dns

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

const reverseTTL = 60 // seconds

// reverseZone is the part of in-addr.arpa or ip6.arpa that a question about the name needs.
func reverseZone(origin, name string, nameOf func(netip.Addr) string) *zone {
	z := newZone(origin)
	z.add(&dns.SOA{
		Hdr: dns.RR_Header{Name: origin, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: reverseTTL},
		Ns:  "ns." + origin, Mbox: "hostmaster." + origin, Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minttl: reverseTTL,
	})
	if addr, ok := address(origin, name); ok {
		if target := nameOf(addr); target != "" {
			z.add(&dns.PTR{
				Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: reverseTTL},
				Ptr: dns.CanonicalName(target),
			})
		}
	}
	return z
}

// address is the one that a reverse name stands for: "10.113.0.203.in-addr.arpa." is 203.0.113.10.
func address(origin, name string) (netip.Addr, bool) {
	labels := strings.Split(strings.TrimSuffix(name, "."+origin), ".")
	slices.Reverse(labels)
	text := strings.Join(labels, ".")
	if origin == "ip6.arpa." {
		var groups []string
		for group := range slices.Chunk(labels, 4) {
			groups = append(groups, strings.Join(group, ""))
		}
		text = strings.Join(groups, ":")
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, false
	}
	back, err := dns.ReverseAddr(addr.String())
	return addr, err == nil && back == name
}
