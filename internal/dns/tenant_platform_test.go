//go:build platform

package dns_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/uuid"
	wire "github.com/miekg/dns"

	"github.com/penguinmails/disaster-recovery/internal/archive/archivetest"
	"github.com/penguinmails/disaster-recovery/internal/dns"
	localdns "github.com/penguinmails/disaster-recovery/internal/local/dns"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// tenant is a zone in the engine's Route 53, and a name server that answers from it.
type tenant struct {
	t       *testing.T
	client  *route53.Client
	zoneID  string
	server  *localdns.Server
	updater dns.Updater
}

const domain = "tenant.example"

var execution = task.Execution{ARN: "arn:aws:states:us-east-1:123456789012:execution:vps-recovery:1", StartedAt: time.Now(), State: "UpdateDns"}

func newTenant(t *testing.T, options ...func(*route53.Options)) tenant {
	t.Helper()
	client := route53.NewFromConfig(archivetest.AWS, options...)
	made, err := client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{
		Name: aws.String(domain), CallerReference: aws.String(uuid.NewString()),
	})
	if err != nil {
		t.Fatal(err)
	}
	zoneID := strings.TrimPrefix(*made.HostedZone.Id, "/hostedzone/")
	server, err := localdns.Start(localdns.Options{Zones: oneZone{client, zoneID}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	h := tenant{t, client, zoneID, server, dns.Updater{Zones: client}}
	var batch []types.Change
	for _, line := range []string{
		domain + ` 3600 MX 10 mail.` + domain + `.`,
		domain + ` 3600 TXT "site-verification=abc"|"v=spf1 a:x.example ip4:203.0.113.10 include:_spf.example.net ~all"`,
		`mail.` + domain + ` 60 A 203.0.113.10`,
		`mail.` + domain + ` 60 AAAA 2001:db8:1::1`,
		`autoconfig.` + domain + ` 3600 A 203.0.113.10|192.0.2.7`,
		`\052.` + domain + ` 300 A 203.0.113.10`,
		`www.` + domain + ` 3600 A 192.0.2.7`,
	} {
		batch = append(batch, types.Change{Action: types.ChangeActionCreate, ResourceRecordSet: recordSet(line)})
	}
	h.change(batch...)
	return h
}

// oneZone shows a name server one zone of the account: every test has one of the same name.
type oneZone struct {
	*route53.Client
	id string
}

func (z oneZone) ListHostedZones(ctx context.Context, in *route53.ListHostedZonesInput, o ...func(*route53.Options)) (*route53.ListHostedZonesOutput, error) {
	out, err := z.Client.ListHostedZones(ctx, in, o...)
	if err != nil {
		return nil, err
	}
	var mine []types.HostedZone
	for _, zone := range out.HostedZones {
		if strings.HasSuffix(*zone.Id, "/"+z.id) {
			mine = append(mine, zone)
		}
	}
	out.HostedZones = mine
	return out, nil
}

func recordSet(line string) *types.ResourceRecordSet {
	fields := strings.SplitN(line, " ", 4)
	ttl, err := time.ParseDuration(fields[1] + "s")
	if err != nil {
		panic(err)
	}
	set := &types.ResourceRecordSet{Name: aws.String(fields[0]), Type: types.RRType(fields[2]), TTL: aws.Int64(int64(ttl.Seconds()))}
	for v := range strings.SplitSeq(fields[3], "|") {
		set.ResourceRecords = append(set.ResourceRecords, types.ResourceRecord{Value: aws.String(v)})
	}
	return set
}

func (h tenant) change(batch ...types.Change) {
	h.t.Helper()
	if _, err := h.client.ChangeResourceRecordSets(h.t.Context(), &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: &h.zoneID, ChangeBatch: &types.ChangeBatch{Changes: batch},
	}); err != nil {
		h.t.Fatal(err)
	}
}

// records are everything in the zone but leases, in Route 53's order.
func (h tenant) records() []string {
	h.t.Helper()
	out, err := h.client.ListResourceRecordSets(h.t.Context(), &route53.ListResourceRecordSetsInput{HostedZoneId: &h.zoneID})
	if err != nil {
		h.t.Fatal(err)
	}
	var lines []string
	for _, set := range out.ResourceRecordSets {
		if strings.HasPrefix(*set.Name, "_lease.") {
			continue
		}
		var values []string
		for _, r := range set.ResourceRecords {
			values = append(values, *r.Value)
		}
		lines = append(lines, strings.Join([]string{*set.Name, time.Duration(*set.TTL * int64(time.Second)).String(), string(set.Type), strings.Join(values, "|")}, " "))
	}
	return lines
}

// resolve asks the name server.
func (h tenant) resolve(name string, of uint16) []string {
	h.t.Helper()
	m := new(wire.Msg)
	m.SetQuestion(name, of)
	in, _, err := (&wire.Client{Net: "tcp"}).Exchange(m, h.server.Addr)
	if err != nil {
		h.t.Fatal(err)
	}
	var values []string
	for _, rr := range in.Answer {
		values = append(values, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return values
}

var (
	oldServer = dns.Addresses{IP: netip.MustParseAddr("203.0.113.10"), IPv6: netip.MustParseAddr("2001:db8:1::1")}
	newServer = dns.Addresses{IP: netip.MustParseAddr("198.51.100.20"), IPv6: netip.MustParseAddr("2001:db8:2::1")}
)

func (h tenant) forward(fencing int64, to dns.Addresses) dns.UpdateInput {
	return dns.UpdateInput{HostedZoneID: h.zoneID, Hostname: "mail." + domain, Old: oldServer, New: to, Fencing: fencing, Execution: execution}
}

func (h tenant) back(fencing int64) dns.BackInput {
	return dns.BackInput{HostedZoneID: h.zoneID, Hostname: "mail." + domain, Serving: oldServer.IP, Fencing: fencing, Execution: execution}
}

// visible looks until CheckDns sees the update, and returns the states on the way.
func (h tenant) visible(u dns.Update) []dns.State {
	h.t.Helper()
	checker, err := dns.NewChecker(h.client, dns.Config{Resolver: h.server.Addr})
	if err != nil {
		h.t.Fatal(err)
	}
	var states []dns.State
	for {
		seen, err := checker.Check(h.t.Context(), dns.CheckInput{Update: u, Checks: len(states), Execution: execution})
		if err != nil {
			h.t.Fatal(err)
		}
		states = append(states, seen.State)
		if seen.State == dns.Visible || len(states) == 5 {
			return states
		}
	}
}
