package dns

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// account is a Route 53 with a few zones, two to a page.
type account struct {
	zones []types.HostedZone
	sets  map[string][]types.ResourceRecordSet // by zone id
	err   error
}

func (a *account) zone(id, name string, lines string) {
	a.zones = append(a.zones, types.HostedZone{Id: aws.String(id), Name: aws.String(name), Config: &types.HostedZoneConfig{}})
	at := map[string]int{}
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		key := fields[0] + fields[1]
		if _, known := at[key]; !known {
			at[key] = len(a.sets[id])
			a.sets[id] = append(a.sets[id], types.ResourceRecordSet{
				Name: aws.String(fields[0]), Type: types.RRType(fields[1]), TTL: aws.Int64(300),
			})
		}
		set := &a.sets[id][at[key]]
		if target, alias := strings.CutPrefix(fields[2], "ALIAS "); alias {
			set.AliasTarget, set.TTL = &types.AliasTarget{DNSName: aws.String(target)}, nil
			continue
		}
		set.ResourceRecords = append(set.ResourceRecords, types.ResourceRecord{Value: aws.String(fields[2])})
	}
}

func (a *account) ListHostedZones(_ context.Context, in *route53.ListHostedZonesInput, _ ...func(*route53.Options)) (*route53.ListHostedZonesOutput, error) {
	from := slices.IndexFunc(a.zones, func(z types.HostedZone) bool { return *z.Id == aws.ToString(in.Marker) })
	from = max(from, 0)
	to := min(from+2, len(a.zones))
	out := &route53.ListHostedZonesOutput{HostedZones: a.zones[from:to]}
	if to < len(a.zones) {
		out.IsTruncated, out.NextMarker = true, a.zones[to].Id
	}
	return out, a.err
}

func (a *account) ListResourceRecordSets(_ context.Context, in *route53.ListResourceRecordSetsInput, _ ...func(*route53.Options)) (*route53.ListResourceRecordSetsOutput, error) {
	return &route53.ListResourceRecordSetsOutput{ResourceRecordSets: a.sets[*in.HostedZoneId]}, nil
}

func newAccount() *account {
	a := &account{sets: map[string][]types.ResourceRecordSet{}}
	a.zone("Z1", "example.com.", `
		example.com. SOA ns-1.awsdns-1.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 60
		example.com. NS ns-1.awsdns-1.com.
		example.com. MX 10 mail.example.com.
		example.com. MX 20 backup.example.net.
		example.com. A ALIAS mail.example.com.
		mail.example.com. A 203.0.113.10
		mail.example.com. A 203.0.113.11
		mail.example.com. AAAA 2001:db8::1
		text.example.com. TXT "one \"two\"" "th\162ee"
		text.example.com. TXT "\344"
		old.example.com. SPF "v=spf1 -all"
		imap.example.com. CNAME mail.example.com.
		chain.example.com. CNAME IMAP.example.com.
		away.example.com. CNAME mail.example.net.
		lost.example.com. CNAME nowhere.void.example.com.
		x.void.example.com. A 203.0.113.12
		loop.example.com. CNAME loop.example.com.
		\052.wild.example.com. A 203.0.113.13
		named.wild.example.com. TXT "no address"
		a.b.c.example.com. A 203.0.113.14
		_imaps._tcp.example.com. SRV 0 1 993 mail.example.com.
		sub.example.com. NS ns.elsewhere.example.
		down.example.com. CNAME host.sub.example.com.`)
	a.zone("Z2", "private.example.com.", "private.example.com. A 203.0.113.99")
	a.zones[1].Config.PrivateZone = true
	a.zone("Z3", "deep.example.com.", `
		deep.example.com. SOA ns-1.awsdns-1.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400
		deep.example.com. A 203.0.113.15`)
	a.zone("Z4", "broken.example.", "broken.example. A not-an-address")
	return a
}

func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func exchange(t *testing.T, network, addr string, m *dns.Msg) *dns.Msg {
	t.Helper()
	in, _, err := (&dns.Client{Net: network}).Exchange(m, addr)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// summary is a reply in one line: code, the aa bit, the answers, and what the authority section holds.
func summary(in *dns.Msg) string {
	words := []string{dns.RcodeToString[in.Rcode]}
	if in.Authoritative {
		words = append(words, "aa")
	}
	for _, rr := range in.Answer {
		words = append(words, strings.Join(strings.Fields(rr.String()), " "))
	}
	for _, rr := range in.Ns {
		words = append(words, "| "+strings.Join(strings.Fields(rr.String())[:4], " "))
	}
	return strings.Join(words, " ; ")
}

func TestAnswers(t *testing.T) {
	s := start(t, Options{Zones: newAccount(), Reverse: func(a netip.Addr) string {
		return map[string]string{"203.0.113.10": "mail.example.com", "2001:db8::1": "mail.example.com."}[a.String()]
	}})
	const soa = " ; | example.com. 60 IN SOA"
	for question, want := range map[string]string{
		"mail.example.com. A":            "NOERROR ; aa ; mail.example.com. 300 IN A 203.0.113.10 ; mail.example.com. 300 IN A 203.0.113.11",
		"MAIL.example.com. AAAA":         "NOERROR ; aa ; MAIL.example.com. 300 IN AAAA 2001:db8::1",
		"example.com. A":                 "NOERROR ; aa ; example.com. 300 IN A 203.0.113.10 ; example.com. 300 IN A 203.0.113.11",
		"example.com. MX":                "NOERROR ; aa ; example.com. 300 IN MX 10 mail.example.com. ; example.com. 300 IN MX 20 backup.example.net.",
		"example.com. NS":                "NOERROR ; aa ; example.com. 300 IN NS ns-1.awsdns-1.com.",
		"example.com. SOA":               "NOERROR ; aa ; example.com. 300 IN SOA ns-1.awsdns-1.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 60",
		"text.example.com. TXT":          `NOERROR ; aa ; text.example.com. 300 IN TXT "one \"two\"" "three" ; text.example.com. 300 IN TXT "\228"`,
		"old.example.com. SPF":           `NOERROR ; aa ; old.example.com. 300 IN SPF "v=spf1 -all"`,
		"_imaps._tcp.example.com. SRV":   "NOERROR ; aa ; _imaps._tcp.example.com. 300 IN SRV 0 1 993 mail.example.com.",
		"imap.example.com. AAAA":         "NOERROR ; aa ; imap.example.com. 300 IN CNAME mail.example.com. ; mail.example.com. 300 IN AAAA 2001:db8::1",
		"imap.example.com. CNAME":        "NOERROR ; aa ; imap.example.com. 300 IN CNAME mail.example.com.",
		"imap.example.com. ANY":          "NOERROR ; aa ; imap.example.com. 300 IN CNAME mail.example.com.",
		"chain.example.com. AAAA":        "NOERROR ; aa ; chain.example.com. 300 IN CNAME IMAP.example.com. ; IMAP.example.com. 300 IN CNAME mail.example.com. ; mail.example.com. 300 IN AAAA 2001:db8::1",
		"imap.example.com. MX":           "NOERROR ; aa ; imap.example.com. 300 IN CNAME mail.example.com." + soa,
		"away.example.com. A":            "NOERROR ; aa ; away.example.com. 300 IN CNAME mail.example.net.",
		"lost.example.com. A":            "NXDOMAIN ; aa ; lost.example.com. 300 IN CNAME nowhere.void.example.com." + soa,
		"mail.example.com. MX":           "NOERROR ; aa" + soa,
		"nowhere.example.com. A":         "NXDOMAIN ; aa" + soa,
		"b.c.example.com. A":             "NOERROR ; aa" + soa,
		"xb.c.example.com. A":            "NXDOMAIN ; aa" + soa,
		"any.wild.example.com. A":        "NOERROR ; aa ; any.wild.example.com. 300 IN A 203.0.113.13",
		"an.y.wild.example.com. A":       "NOERROR ; aa ; an.y.wild.example.com. 300 IN A 203.0.113.13",
		"*.wild.example.com. A":          "NOERROR ; aa ; *.wild.example.com. 300 IN A 203.0.113.13",
		"any.wild.example.com. TXT":      "NOERROR ; aa" + soa,
		"named.wild.example.com. A":      "NOERROR ; aa" + soa,
		"x.named.wild.example.com. A":    "NXDOMAIN ; aa" + soa,
		"sub.example.com. A":             "NOERROR ; | sub.example.com. 300 IN NS",
		"host.sub.example.com. A":        "NOERROR ; | sub.example.com. 300 IN NS",
		"down.example.com. A":            "NOERROR ; aa ; down.example.com. 300 IN CNAME host.sub.example.com. ; | sub.example.com. 300 IN NS",
		"deep.example.com. A":            "NOERROR ; aa ; deep.example.com. 300 IN A 203.0.113.15",
		"x.deep.example.com. A":          "NXDOMAIN ; aa ; | deep.example.com. 300 IN SOA",
		"private.example.com. A":         "NXDOMAIN ; aa" + soa,
		"notexample.com. A":              "REFUSED",
		"com. NS":                        "REFUSED",
		"broken.example. A":              "SERVFAIL",
		"example.com. AXFR":              "REFUSED",
		"10.113.0.203.in-addr.arpa. PTR": "NOERROR ; aa ; 10.113.0.203.in-addr.arpa. 60 IN PTR mail.example.com.",
		"10.113.0.203.in-addr.arpa. A":   "NOERROR ; aa ; | in-addr.arpa. 60 IN SOA",
		"11.113.0.203.in-addr.arpa. PTR": "NXDOMAIN ; aa ; | in-addr.arpa. 60 IN SOA",
		"113.0.203.in-addr.arpa. PTR":    "NXDOMAIN ; aa ; | in-addr.arpa. 60 IN SOA",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR": "NOERROR ; aa ; 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 60 IN PTR mail.example.com.",
	} {
		name, of, _ := strings.Cut(question, " ")
		m := new(dns.Msg)
		m.SetQuestion(name, dns.StringToType[of])
		for _, network := range []string{"udp", "tcp"} {
			if of == "AXFR" && network == "udp" {
				continue
			}
			if diff := cmp.Diff(want, summary(exchange(t, network, s.Addr, m))); diff != "" {
				t.Errorf("%s over %s (-want +got):\n%s", question, network, diff)
			}
		}
	}
}

func TestALoopOfNames(t *testing.T) {
	s := start(t, Options{Zones: newAccount()})
	m := new(dns.Msg)
	m.SetQuestion("loop.example.com.", dns.TypeA)
	if in := exchange(t, "udp", s.Addr, m); in.Rcode != dns.RcodeServerFailure {
		t.Errorf("got %s", summary(in))
	}
	// Nobody has given this server the reverse zones.
	m.SetQuestion("10.113.0.203.in-addr.arpa.", dns.TypePTR)
	if in := exchange(t, "udp", s.Addr, m); summary(in) != "REFUSED" {
		t.Errorf("got %s", summary(in))
	}
}

func TestLongAnswers(t *testing.T) {
	a := newAccount()
	a.sets["Z1"] = append(a.sets["Z1"], types.ResourceRecordSet{Name: aws.String("long.example.com."), Type: "TXT", TTL: aws.Int64(60)})
	long := &a.sets["Z1"][len(a.sets["Z1"])-1]
	for _, c := range []string{"a", "b", "c", "d"} {
		long.ResourceRecords = append(long.ResourceRecords, types.ResourceRecord{Value: aws.String(`"` + strings.Repeat(c, 255) + `" "` + strings.Repeat(c, 200) + `"`)})
	}
	s := start(t, Options{Zones: a})
	m := new(dns.Msg)
	m.SetQuestion("long.example.com.", dns.TypeTXT)
	in := exchange(t, "udp", s.Addr, m)
	if !in.Truncated || in.IsEdns0() != nil { // the client itself reads no more than 512 bytes
		t.Errorf("over UDP: %s", summary(in))
	}
	in = exchange(t, "tcp", s.Addr, m)
	if in.Truncated || len(in.Answer) != 4 || len(in.Answer[3].(*dns.TXT).Txt) != 2 {
		t.Errorf("over TCP: %s", summary(in))
	}
	m.SetEdns0(4096, false)
	in = exchange(t, "udp", s.Addr, m)
	if in.Truncated || len(in.Answer) != 4 || in.IsEdns0() == nil {
		t.Errorf("over UDP with EDNS: %s", summary(in))
	}
}

func TestWhatItDoesNotDo(t *testing.T) {
	s := start(t, Options{Zones: newAccount()})
	m := new(dns.Msg)
	m.SetNotify("example.com.")
	if in := exchange(t, "udp", s.Addr, m); in.Rcode != dns.RcodeNotImplemented {
		t.Errorf("a notify: %s", summary(in))
	}
	m = new(dns.Msg)
	m.SetQuestion("example.com.", dns.TypeA)
	m.Question[0].Qclass = dns.ClassCHAOS
	if in := exchange(t, "udp", s.Addr, m); in.Rcode != dns.RcodeRefused {
		t.Errorf("another class: %s", summary(in))
	}
}

func TestWithoutAnEngine(t *testing.T) {
	down := newAccount()
	down.err = errors.New("no engine")
	failures := make(chan error, 1)
	s := start(t, Options{Zones: down, Failed: func(err error) { failures <- err }})
	m := new(dns.Msg)
	m.SetQuestion("example.com.", dns.TypeA)
	if in := exchange(t, "udp", s.Addr, m); summary(in) != "SERVFAIL" {
		t.Errorf("got %s", summary(in))
	}
	if err := <-failures; !errors.Is(err, down.err) {
		t.Errorf("told %v", err)
	}
}

func TestStopFreesThePort(t *testing.T) {
	s, err := Start(Options{Zones: newAccount()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(Options{Zones: newAccount(), Addr: s.Addr}); err == nil {
		t.Error("two servers on one port")
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	start(t, Options{Zones: newAccount(), Addr: s.Addr})
}
