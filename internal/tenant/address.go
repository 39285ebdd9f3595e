package tenant

import (
	"fmt"
	"net/netip"
)

// Addresses says which addresses a server may have.
type Addresses struct {
	// Loopback admits 127.0.0.0/8 and ::1 too: on one machine that is where the servers are.
	Loopback bool
}

// special are the ranges that netip does not tell apart from public ones and that no server on the Internet has: of the
// IANA special-purpose address registries (RFC 6890), those that are not globally reachable.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // behind a carrier's NAT
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), // documentation, as the next two of their kind
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"),
	netip.MustParsePrefix("2002::/16"),
	netip.MustParsePrefix("3fff::/20"),
}

func (a Addresses) admit(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return a.Loopback
	}
	for _, p := range special {
		if p.Contains(ip) {
			return false
		}
	}
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && ip.Zone() == ""
}

// check names the field whose address is not one that the server may have.
func (a Addresses) check(v VPS, name string) error {
	if err := a.checkIPv4(v.IP, name+".ip"); err != nil {
		return err
	}
	if v.IPv6.IsValid() && (!v.IPv6.Is6() || v.IPv6.Is4In6() || !a.admit(v.IPv6)) {
		return fmt.Errorf("%s.ipv6 is not a public IPv6 address", name)
	}
	return nil
}

func (a Addresses) checkIPv4(ip netip.Addr, name string) error {
	if !ip.Is4() || !a.admit(ip) {
		return fmt.Errorf("%s is not a public IPv4 address", name)
	}
	return nil
}
