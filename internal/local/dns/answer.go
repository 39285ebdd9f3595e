package dns

import (
	"slices"

	"github.com/miekg/dns"
)

// maxChain bounds how many CNAMEs are followed.
const maxChain = 8

// answer fills m by the algorithm of RFC 1034, section 4.3.2, for a zone that the name is in.
func (z *zone) answer(m *dns.Msg, q dns.Question) {
	m.Authoritative = true
	name := dns.CanonicalName(q.Name)
	owner := q.Name // in the letter case of the question
	for range maxChain {
		if cut := z.cut(name); cut != nil {
			// Below a delegation others answer. After a CNAME the answer so far is still ours.
			m.Authoritative = len(m.Answer) > 0
			m.Ns = cut
			return
		}
		sets, there := z.lookup(name)
		if !there {
			m.Rcode = dns.RcodeNameError // of the last name in a chain (RFC 6604)
			m.Ns = z.negative()
			return
		}
		found := sets[q.Qtype]
		if q.Qtype == dns.TypeANY {
			for _, set := range sets {
				found = append(found, set...)
			}
		}
		if len(found) > 0 {
			for _, rr := range found {
				m.Answer = append(m.Answer, owned(rr, owner))
			}
			return
		}
		cname := sets[dns.TypeCNAME]
		if len(cname) == 0 {
			m.Ns = z.negative()
			return
		}
		m.Answer = append(m.Answer, owned(cname[0], owner))
		owner = cname[0].(*dns.CNAME).Target
		if name = dns.CanonicalName(owner); !dns.IsSubDomain(z.origin, name) {
			return // the rest is for the resolver to ask elsewhere
		}
	}
	m.Rcode = dns.RcodeServerFailure // a loop
}

// lookup finds the record sets of a name: its own, or those of the wildcard beside it (RFC 4592). there is false for a
// name that does not exist.
func (z *zone) lookup(name string) (sets map[uint16][]dns.RR, there bool) {
	if z.exists(name) {
		return z.records[name], true
	}
	for encloser := parent(name); dns.IsSubDomain(z.origin, encloser); encloser = parent(encloser) {
		if z.exists(encloser) {
			sets = z.records["*."+encloser]
			return sets, len(sets) > 0
		}
		if encloser == z.origin {
			break
		}
	}
	return nil, false
}

// cut returns the NS records of the delegation that the name lies under; nil if it lies under none.
func (z *zone) cut(name string) []dns.RR {
	for name != z.origin && dns.IsSubDomain(z.origin, name) {
		if ns := z.records[name][dns.TypeNS]; len(ns) > 0 {
			return ns
		}
		name = parent(name)
	}
	return nil
}

func parent(name string) string {
	if next, end := dns.NextLabel(name, 0); !end {
		return name[next:]
	}
	return "."
}

// negative is the SOA that tells resolvers how long to remember that there is nothing (RFC 2308, section 3).
func (z *zone) negative() []dns.RR {
	soas := slices.Clone(z.records[z.origin][dns.TypeSOA])
	for i, rr := range soas {
		soa := dns.Copy(rr).(*dns.SOA)
		soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
		soas[i] = soa
	}
	return soas
}
