package dns

import (
	"cmp"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"
	"github.com/miekg/dns"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

// nameServer answers from a zone that can be exchanged while it runs.
type nameServer struct {
	zone  atomic.Pointer[zone]
	rcode atomic.Int32 // answered instead, if set
	asked atomic.Int32
}

// serve starts name servers on 127.0.0.2, 127.0.0.3, …, all on the port that it returns.
func serve(t *testing.T, servers ...*nameServer) (port string) {
	t.Helper()
	for i, s := range servers {
		host := net.IPv4(127, 0, 0, byte(2+i)).String()
		listener, err := net.Listen("tcp", net.JoinHostPort(host, cmp.Or(port, "0")))
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ = net.SplitHostPort(listener.Addr().String())
		conn, err := net.ListenPacket("udp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		for _, server := range []*dns.Server{{Listener: listener, Handler: s}, {PacketConn: conn, Handler: s}} {
			started, ended := make(chan struct{}), make(chan error, 1)
			server.NotifyStartedFunc = func() { close(started) }
			go func() { ended <- server.ActivateAndServe() }()
			<-started
			t.Cleanup(func() {
				if err := cmp.Or(server.Shutdown(), <-ended); err != nil {
					t.Error(err)
				}
			})
		}
	}
	return port
}

func (s *nameServer) ServeDNS(w dns.ResponseWriter, asked *dns.Msg) {
	s.asked.Add(1)
	m := new(dns.Msg)
	m.SetReply(asked)
	m.Rcode = int(s.rcode.Load())
	z := s.zone.Load()
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, set := range z.sets {
		if q := asked.Question[0]; Name(*set.Name) != q.Name || string(set.Type) != dns.TypeToString[q.Qtype] {
			continue
		}
		for _, v := range valuesOf(set) {
			header := dns.RR_Header{Name: asked.Question[0].Name, Rrtype: asked.Question[0].Qtype, Class: dns.ClassINET}
			switch set.Type {
			case types.RRTypeTxt:
				parts, _ := ParseTXT(v)
				for i := range parts {
					parts[i] = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\xe4", `\228`).Replace(parts[i])
				}
				m.Answer = append(m.Answer, &dns.TXT{Hdr: header, Txt: parts})
			case types.RRTypeA:
				m.Answer = append(m.Answer, &dns.A{Hdr: header, A: net.ParseIP(v)})
			case types.RRTypeAaaa:
				m.Answer = append(m.Answer, &dns.AAAA{Hdr: header, AAAA: net.ParseIP(v)})
			}
		}
	}
	if w.LocalAddr().Network() == "udp" {
		m.Truncate(dns.MinMsgSize)
	}
	_ = w.WriteMsg(m)
}

// updated are a zone before and after an update, and the update.
func updated(t *testing.T) (before, after *zone, in CheckInput) {
	t.Helper()
	before, after = tenantZone(), tenantZone()
	// An answer longer than UDP takes, with bytes that are no text.
	for _, z := range []*zone{before, after} {
		z.set("long.example.com", "TXT", 60, FormatTXT("v=spf1 ip4:203.0.113.10 "+strings.Repeat("include:a.example.net ", 30)+"exp=\xe4\"\\"))
	}
	done, err := Updater{after}.Update(t.Context(), forward(7))
	if err != nil {
		t.Fatal(err)
	}
	// A step's output is the next step's input.
	payload, err := json.Marshal(CheckInput{Update: done, Checks: 3, Execution: execution})
	if err != nil {
		t.Fatal(err)
	}
	if err := strictjson.Unmarshal(payload, &in); err != nil {
		t.Fatal(err)
	}
	if err := in.Validate(); err != nil {
		t.Fatal(err)
	}
	return before, after, in
}

func TestCheck(t *testing.T) {
	before, after, in := updated(t)
	one, two := &nameServer{}, &nameServer{}
	one.zone.Store(before)
	two.zone.Store(before)
	port := serve(t, one, two)
	route53 := &zone{status: types.ChangeStatusPending, servers: []string{"127.0.0.2", "127.0.0.3"}}
	check := func(what string, want State, answers ...Answer) {
		t.Helper()
		c := Checker{changes: route53, port: port}
		seen, err := c.Check(t.Context(), in)
		var got []Answer
		for _, s := range seen.Servers {
			got = append(got, s.Answer)
		}
		if err != nil || seen.State != want || !slices.Equal(got, answers) || seen.Checks != 4 || seen.Servers == nil {
			t.Errorf("%s: %+v, %v", what, seen, err)
		}
	}
	check("pending", Pending)
	if one.asked.Load() != 0 {
		t.Error("asked while pending")
	}
	route53.status = types.ChangeStatusInsync
	check("old everywhere", InSyncNotVisible, Unchanged, Unchanged)
	one.zone.Store(after)
	check("old on one", InSyncNotVisible, Changed, Unchanged)
	two.zone.Store(after)
	check("new everywhere", Visible, Changed, Changed)
	two.rcode.Store(dns.RcodeServerFailure)
	check("one fails", Visible, Changed, Silent)
	one.rcode.Store(dns.RcodeRefused)
	check("both fail", InSyncNotVisible, Silent, Silent)

	// The lease alone does not do: each record must be as the change left it.
	one.rcode.Store(0)
	for i, set := range after.sets {
		if name := Name(*set.Name); name != "mail.example.com." && name != "*.example.com." && name != "long.example.com." {
			continue
		}
		stale := &zone{sets: slices.Clone(after.sets)}
		stale.sets[i].ResourceRecords = []types.ResourceRecord{{Value: before.sets[slices.IndexFunc(before.sets, func(other types.ResourceRecordSet) bool {
			return key(other) == key(set)
		})].ResourceRecords[0].Value}}
		one.zone.Store(stale)
		check("stale "+key(set), InSyncNotVisible, Unchanged, Silent)
		one.zone.Store(&zone{sets: slices.Delete(slices.Clone(after.sets), i, i+1)})
		check("without "+key(set), InSyncNotVisible, Unchanged, Silent)
	}
}

// Of records with a routing policy a server shows one: that the old address is gone must do.
func TestCheckWithARoutingPolicy(t *testing.T) {
	u := Update{Hostname: "mail.example.com", Lease: "7", Edits: []Edit{
		{Name: "mail.example.com.", Type: "A", SetIdentifier: "a", Removed: []string{"203.0.113.10"}, Added: []string{"198.51.100.20"}},
	}}
	s := &nameServer{}
	p := serve(t, s)
	for address, want := range map[string]Answer{"192.0.2.7": Changed, "203.0.113.10": Unchanged} {
		z := &zone{}
		z.set("_lease.mail.example.com", "TXT", 60, `"7"`)
		z.set("mail.example.com", "A", 60, address)
		s.zone.Store(z)
		if got := ask(t.Context(), net.JoinHostPort("127.0.0.2", p), u.questions()); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}

func TestCheckInOneResolver(t *testing.T) {
	_, after, in := updated(t)
	s := &nameServer{}
	s.zone.Store(after)
	route53 := &zone{status: types.ChangeStatusInsync}
	c, err := NewChecker(route53, Config{Resolver: net.JoinHostPort("127.0.0.2", serve(t, s))})
	if err != nil {
		t.Fatal(err)
	}
	if seen, err := c.Check(t.Context(), in); err != nil || seen.State != Visible {
		t.Errorf("Check = %+v, %v", seen, err)
	}
	for _, resolver := range []string{"127.0.0.1", ":53", "dns.example:", "a:b:c"} {
		_, err := NewChecker(route53, Config{Resolver: resolver})
		wantFault(t, resolver, err, fault.InvalidConfiguration)
	}
}

func TestCheckFaults(t *testing.T) {
	_, _, in := updated(t)
	z := &zone{err: &smithy.GenericAPIError{Code: "Throttling"}}
	c, err := NewChecker(z, Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Check(t.Context(), in)
	wantFault(t, "throttled", err, fault.AWSUnavailable)
	z.err, z.status = nil, types.ChangeStatusInsync
	_, err = c.Check(t.Context(), in)
	wantFault(t, "a private zone", err, fault.DNSRefused)

	for complaint, spoil := range map[string]func(*CheckInput){
		"hosted_zone_id": func(in *CheckInput) { in.Update.HostedZoneID = "" },
		"change_id":      func(in *CheckInput) { in.Update.ChangeID = "" },
		"lease":          func(in *CheckInput) { in.Update.Lease = "" },
		"hostname":       func(in *CheckInput) { in.Update.Hostname = "mail" },
		"execution":      func(in *CheckInput) { in.Execution.State = "" },
	} {
		spoiled := in
		spoil(&spoiled)
		if err := spoiled.Validate(); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: %v", complaint, err)
		}
	}
}
