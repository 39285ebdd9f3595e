package dns

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

const zoneID = "Z0123456789ABC"

var execution = task.Execution{
	ARN:       "arn:aws:states:eu-central-1:123456789012:execution:vps-recovery:1",
	StartedAt: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), State: "UpdateDns",
}

// zone is one hosted zone of Route 53, with the rules of its batches: all or nothing, a DELETE must match to the letter,
// a CREATE must not find its like. It writes names as Route 53 does, lists them page by page, and keeps no order of values.
type zone struct {
	mu   sync.Mutex
	sets []types.ResourceRecordSet

	// before, if set, runs ahead of every batch: what others do between our read and our write.
	before func()
	// answer, if set, replaces the answer to a batch that was made.
	answer  func(n int) error
	err     error // the answer to every call, if set
	status  types.ChangeStatus
	servers []string
	batches int
}

// set adds a record set without ado.
func (z *zone) set(name string, of types.RRType, ttl int64, values ...string) {
	rs := types.ResourceRecordSet{Name: aws.String(stored(name)), Type: of, TTL: aws.Int64(ttl)}
	for _, v := range values {
		rs.ResourceRecords = append(rs.ResourceRecords, types.ResourceRecord{Value: aws.String(v)})
	}
	z.sets = append(z.sets, rs)
}

// lines are the zone, one record a line, sorted; without leases unless asked for.
func (z *zone) lines(leases bool) []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	var out []string
	for _, rs := range z.sets {
		if isLease(*rs.Name) && !leases {
			continue
		}
		for _, v := range valuesOf(rs) {
			out = append(out, fmt.Sprintf("%s %d %s%s %s", *rs.Name, aws.ToInt64(rs.TTL), rs.Type, aws.ToString(rs.SetIdentifier), v))
		}
	}
	slices.Sort(out)
	return out
}

// stored is a name as Route 53 keeps it.
func stored(name string) string {
	name = strings.ReplaceAll(strings.ToLower(name), "*", `\052`)
	return strings.TrimSuffix(name, ".") + "."
}

func key(rs types.ResourceRecordSet) string {
	return fmt.Sprint(stored(aws.ToString(rs.Name)), rs.Type, aws.ToString(rs.SetIdentifier))
}

func content(rs types.ResourceRecordSet) string {
	values := valuesOf(rs)
	slices.Sort(values)
	return fmt.Sprint(aws.ToInt64(rs.TTL), aws.ToInt64(rs.Weight), values)
}

func hasDuplicates(values []string) bool {
	return len(slices.Compact(slices.Sorted(slices.Values(values)))) < len(values)
}

func (z *zone) ChangeResourceRecordSets(_ context.Context, in *route53.ChangeResourceRecordSetsInput, _ ...func(*route53.Options)) (*route53.ChangeResourceRecordSetsOutput, error) {
	if z.err != nil {
		return nil, z.err
	}
	if z.before != nil {
		z.before()
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if len(aws.ToString(in.ChangeBatch.Comment)) > 256 {
		return nil, &smithy.GenericAPIError{Code: "InvalidInput"}
	}
	sets := slices.Clone(z.sets)
	for _, c := range in.ChangeBatch.Changes {
		rs := *c.ResourceRecordSet
		rs.Name = aws.String(stored(*rs.Name))
		i := slices.IndexFunc(sets, func(other types.ResourceRecordSet) bool { return key(other) == key(rs) })
		refuse := func(why string) error {
			return &types.InvalidChangeBatch{Messages: []string{fmt.Sprintf("Tried to %s %s %s but %s", c.Action, *rs.Name, rs.Type, why)}}
		}
		switch {
		case c.Action == types.ChangeActionCreate && i >= 0:
			return nil, refuse("it already exists")
		case c.Action == types.ChangeActionCreate && (len(rs.ResourceRecords) == 0 || rs.TTL == nil):
			return nil, refuse("it is empty")
		case c.Action == types.ChangeActionCreate && hasDuplicates(valuesOf(rs)):
			return nil, refuse("it holds a value twice")
		case c.Action == types.ChangeActionCreate:
			slices.Reverse(rs.ResourceRecords)
			sets = append(sets, rs)
		case c.Action != types.ChangeActionDelete:
			return nil, refuse("the action is not expected here")
		case i < 0:
			return nil, refuse("it was not found")
		case content(sets[i]) != content(rs):
			return nil, refuse("the values provided do not match the current values")
		default:
			sets = slices.Delete(sets, i, i+1)
		}
	}
	z.sets = sets
	z.batches++
	if z.answer != nil {
		if err := z.answer(z.batches); err != nil {
			return nil, err
		}
	}
	return &route53.ChangeResourceRecordSetsOutput{ChangeInfo: &types.ChangeInfo{Id: aws.String("/change/C" + strconv.Itoa(z.batches))}}, nil
}

// pageSize is small, so that every zone of these tests has several pages.
const pageSize = 3

func (z *zone) ListResourceRecordSets(_ context.Context, in *route53.ListResourceRecordSetsInput, _ ...func(*route53.Options)) (*route53.ListResourceRecordSetsOutput, error) {
	if z.err != nil {
		return nil, z.err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	sorted := slices.SortedFunc(slices.Values(z.sets), func(a, b types.ResourceRecordSet) int { return strings.Compare(key(a), key(b)) })
	from := 0
	if in.StartRecordName != nil {
		start := key(types.ResourceRecordSet{Name: in.StartRecordName, Type: in.StartRecordType, SetIdentifier: in.StartRecordIdentifier})
		for from < len(sorted) && key(sorted[from]) < start {
			from++
		}
	}
	out := &route53.ListResourceRecordSetsOutput{ResourceRecordSets: slices.Clone(sorted[from:min(from+pageSize, len(sorted))])}
	if next := from + pageSize; next < len(sorted) {
		out.IsTruncated = true
		out.NextRecordName, out.NextRecordType, out.NextRecordIdentifier = sorted[next].Name, sorted[next].Type, sorted[next].SetIdentifier
	}
	return out, nil
}

func (z *zone) GetChange(context.Context, *route53.GetChangeInput, ...func(*route53.Options)) (*route53.GetChangeOutput, error) {
	return &route53.GetChangeOutput{ChangeInfo: &types.ChangeInfo{Status: z.status}}, z.err
}

func (z *zone) GetHostedZone(context.Context, *route53.GetHostedZoneInput, ...func(*route53.Options)) (*route53.GetHostedZoneOutput, error) {
	return &route53.GetHostedZoneOutput{DelegationSet: &types.DelegationSet{NameServers: z.servers}}, nil
}

// The old server and the new one.
var (
	oldServer = Addresses{netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("2001:db8:1::1")}
	newServer = Addresses{netip.MustParseAddr("198.51.100.20"), netip.MustParseAddr("2001:db8:2::1")}
)

// tenantZone is what a tenant's zone looks like.
func tenantZone() *zone {
	z := &zone{}
	z.set("example.com", "SOA", 900, "ns-1.awsdns-1.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400")
	z.set("example.com", "NS", 172800, "ns-1.awsdns-1.com.", "ns-2.awsdns-2.net.")
	z.set("example.com", "MX", 3600, "10 mail.example.com.")
	z.set("example.com", "TXT", 3600, `"site-verification=203.0.113.10x"`, `"v=spf1 mx ip4:203.0.113.10 include:_spf.example.net ip6:2001:db8:1::1 -all"`)
	z.set("mail.example.com", "A", 60, "203.0.113.10")
	z.set("mail.example.com", "AAAA", 3600, "2001:db8:1:0::1")
	z.set("autoconfig.example.com", "A", 3600, "203.0.113.10", "192.0.2.7")
	z.set("*.example.com", "A", 300, "203.0.113.10")
	z.set("www.example.com", "A", 3600, "192.0.2.7")
	z.set("old.example.com", "TXT", 3600, `"was 203.0.113.10, see ticket"`)
	return z
}

func forward(fencing int64) UpdateInput {
	return UpdateInput{HostedZoneID: zoneID, Hostname: "Mail.Example.com", Old: oldServer, New: newServer, Fencing: fencing, Execution: execution}
}

func goBack(fencing int64) BackInput {
	return BackInput{HostedZoneID: zoneID, Hostname: "mail.example.com", Serving: oldServer.IP, Fencing: fencing, Execution: execution}
}

func wantFault(t *testing.T, what string, err error, want fault.Name) {
	t.Helper()
	if !fault.Is(err, want) {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
}
