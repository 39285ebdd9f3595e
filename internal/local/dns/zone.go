package dns

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/miekg/dns"

	tenantdns "github.com/penguinmails/disaster-recovery/internal/dns"
)

// zone holds the records of one zone by owner and type. Names are canonical.
type zone struct {
	origin  string
	records map[string]map[uint16][]dns.RR
}

func newZone(origin string) *zone {
	return &zone{origin: origin, records: map[string]map[uint16][]dns.RR{}}
}

func (z *zone) add(rr dns.RR) {
	owner := dns.CanonicalName(rr.Header().Name)
	if z.records[owner] == nil {
		z.records[owner] = map[uint16][]dns.RR{}
	}
	z.records[owner][rr.Header().Rrtype] = append(z.records[owner][rr.Header().Rrtype], rr)
}

// readZone reads the public hosted zone with the longest name that the name is in; nil if there is none.
func readZone(ctx context.Context, api Zones, name string) (*zone, error) {
	var found *types.HostedZone
	for pages := route53.NewListHostedZonesPaginator(api, &route53.ListHostedZonesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list hosted zones: %w", err)
		}
		for _, z := range page.HostedZones {
			private := z.Config != nil && z.Config.PrivateZone
			if !private && dns.IsSubDomain(originOf(z), name) && (found == nil || len(originOf(z)) > len(originOf(*found))) {
				found = &z
			}
		}
	}
	if found == nil {
		return nil, nil
	}
	z := newZone(originOf(*found))
	var aliases []types.ResourceRecordSet
	for pages := route53.NewListResourceRecordSetsPaginator(api, &route53.ListResourceRecordSetsInput{HostedZoneId: found.Id}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the records of %s: %w", z.origin, err)
		}
		for _, set := range page.ResourceRecordSets {
			if set.AliasTarget != nil {
				aliases = append(aliases, set)
				continue
			}
			for _, r := range set.ResourceRecords {
				rr, err := record(set, aws.ToString(r.Value))
				if err != nil {
					return nil, err
				}
				z.add(rr)
			}
		}
	}
	z.resolve(aliases)
	return z, nil
}

func originOf(z types.HostedZone) string { return tenantdns.Name(aws.ToString(z.Name)) }

// record makes a resource record of a value. Route 53 escapes in octal, where zone files do in decimal.
func record(set types.ResourceRecordSet, value string) (dns.RR, error) {
	name, ttl := tenantdns.Name(aws.ToString(set.Name)), uint32(aws.ToInt64(set.TTL))
	if set.Type == types.RRTypeTxt || set.Type == types.RRTypeSpf {
		parts, err := tenantdns.ParseTXT(value)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", name, set.Type, err)
		}
		for i, part := range parts {
			parts[i] = escape(part)
		}
		header := dns.RR_Header{Name: name, Rrtype: dns.StringToType[string(set.Type)], Class: dns.ClassINET, Ttl: ttl}
		if set.Type == types.RRTypeSpf {
			return &dns.SPF{Hdr: header, Txt: parts}, nil
		}
		return &dns.TXT{Hdr: header, Txt: parts}, nil
	}
	rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", name, ttl, set.Type, value))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", name, set.Type, err)
	}
	return rr, nil
}

// escape writes a string of a TXT record as the DNS library wants it.
func escape(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			fmt.Fprintf(&b, `\%03d`, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// resolve adds what aliases stand for, where that is in the same zone. An alias has the TTL of its target.
func (z *zone) resolve(aliases []types.ResourceRecordSet) {
	for _, alias := range aliases {
		target := tenantdns.Name(aws.ToString(alias.AliasTarget.DNSName))
		for _, rr := range slices.Clone(z.records[target][dns.StringToType[string(alias.Type)]]) {
			z.add(owned(rr, tenantdns.Name(aws.ToString(alias.Name))))
		}
	}
}

// owned is rr under another owner.
func owned(rr dns.RR, owner string) dns.RR {
	rr = dns.Copy(rr)
	rr.Header().Name = owner
	return rr
}

// exists reports whether the name has records, or stands above one that has (an empty non-terminal).
func (z *zone) exists(name string) bool {
	if len(z.records[name]) > 0 {
		return true
	}
	for owner := range maps.Keys(z.records) {
		if dns.IsSubDomain(name, owner) {
			return true
		}
	}
	return false
}
