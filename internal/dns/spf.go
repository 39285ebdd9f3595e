package dns

import (
	"net/netip"
	"slices"
	"strings"
)

// isSPF reports whether a TXT record's text is a sender policy (RFC 7208, section 4.5).
func isSPF(text string) bool {
	version, _, _ := strings.Cut(text, " ")
	return strings.EqualFold(version, "v=spf1")
}

// moveSPF replaces an address in a sender policy and keeps every other term as it is, and where it is. A network that
// admits the old address and not the new one stays, for it may admit others, and the new address is admitted beside it.
// Without a new address (an IPv6 that the new server does not have) the old one's term goes. ok reports a difference.
func moveSPF(text string, old, new netip.Addr) (moved string, ok bool) {
	terms := strings.Split(text, " ")
	there := slices.ContainsFunc(terms, func(term string) bool {
		m, is := parseIPTerm(term)
		return is && new.IsValid() && m.network == netip.PrefixFrom(new, new.BitLen())
	})
	var out []string
	for _, term := range terms {
		m, is := parseIPTerm(term)
		switch {
		case !is || !m.network.Contains(old):
			out = append(out, term)
		case m.network.IsSingleIP():
			if new.IsValid() && !there {
				out = append(out, m.prefix+new.String()+m.length)
				there = true
			}
		default:
			out = append(out, term)
			if new.IsValid() && !there && !m.network.Contains(new) {
				out = append(out, m.prefix+new.String())
				there = true
			}
		}
	}
	moved = strings.Join(out, " ")
	return moved, moved != text
}

// ipTerm is one ip4 or ip6 mechanism.
type ipTerm struct {
	prefix  string // qualifier and name as they were written: "ip4:", "~IP6:"
	network netip.Prefix
	length  string // "/32" where it was written
}

func parseIPTerm(term string) (ipTerm, bool) {
	name, value, ok := strings.Cut(term, ":")
	mechanism := strings.ToLower(strings.TrimLeft(name, "+-~?"))
	if !ok || mechanism != "ip4" && mechanism != "ip6" {
		return ipTerm{}, false
	}
	host, length, hasLength := strings.Cut(value, "/")
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Is4() != (mechanism == "ip4") {
		return ipTerm{}, false
	}
	m := ipTerm{prefix: name + ":", network: netip.PrefixFrom(addr, addr.BitLen())}
	if hasLength {
		m.length = "/" + length
		network, err := netip.ParsePrefix(value)
		if err != nil {
			return ipTerm{}, false
		}
		m.network = network.Masked()
	}
	return m, true
}
