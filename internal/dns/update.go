package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// UpdateInput asks for a tenant's records to move from one server to another.
type UpdateInput struct {
	HostedZoneID string    `json:"hosted_zone_id"`
	Hostname     string    `json:"hostname"` // of the mail host; its records must point to one of the two servers
	Old          Addresses `json:"old"`
	New          Addresses `json:"new"`
	// Fencing is the number of the lease under which this run holds the tenant.
	Fencing   int64          `json:"fencing"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses a move from nowhere, to nowhere, or to the same place.
func (in UpdateInput) Validate() error {
	if err := in.Old.Validate(); err != nil {
		return fmt.Errorf("old.%w", err)
	}
	if err := in.New.Validate(); err != nil {
		return fmt.Errorf("new.%w", err)
	}
	if in.Old.IP == in.New.IP {
		return errors.New("old.ip and new.ip are the same address")
	}
	return BackInput{HostedZoneID: in.HostedZoneID, Hostname: in.Hostname, Serving: in.Old.IP, Fencing: in.Fencing, Execution: in.Execution}.Validate()
}

// BackInput asks for the last change to be undone, if it took the records away from the server that the registry names.
// What was there before stands in the zone itself.
type BackInput struct {
	HostedZoneID string     `json:"hosted_zone_id"`
	Hostname     string     `json:"hostname"`
	Serving      netip.Addr `json:"serving"` // address of the server that the registry names
	// Arriving is the address of the server to which a dead run was moving the tenant, empty where there is none. A
	// host that points there has arrived: its records stay.
	Arriving netip.Addr `json:"arriving"`
	// Fencing is the number of the run whose change it may be; that of an older one that died is undone too.
	Fencing   int64          `json:"fencing"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses a place that cannot be.
func (in BackInput) Validate() error {
	if !in.Serving.Is4() {
		return errors.New("serving is not an IPv4 address")
	}
	if in.HostedZoneID == "" {
		return errors.New("hosted_zone_id is missing")
	}
	if in.Fencing < 1 {
		return errors.New("fencing is not a fencing number")
	}
	if _, err := hostname(in.Hostname); err != nil {
		return err
	}
	return in.Execution.Validate()
}

// Update is a change that Route 53 has accepted. CheckDns takes it whole.
type Update struct {
	HostedZoneID string `json:"hosted_zone_id"`
	Hostname     string `json:"hostname"`
	ChangeID     string `json:"change_id"`
	// Lease is the mark that every name server shows once it has the change.
	Lease string `json:"lease"`
	// Moved: records were changed.
	Moved bool `json:"moved"`
	// Arrived: the host points to the server to which a dead run was moving it. Only Back says so.
	Arrived bool `json:"arrived"`
	// Edits are what the records lost and gained; never nil.
	Edits []Edit `json:"edits"`
	// Mentions names at most 20 record sets that speak of the old server and were left as they are.
	Mentions []string `json:"mentions"`
}

// Zones is what changing records asks of Route 53.
type Zones interface {
	RecordSets
	ChangeResourceRecordSets(context.Context, *route53.ChangeResourceRecordSetsInput, ...func(*route53.Options)) (*route53.ChangeResourceRecordSetsOutput, error)
}

// Updater is the steps UpdateDns and UpdateDnsBack.
type Updater struct{ Zones Zones }

// Update moves the records in one batch, or finds that this run already has. LeaseLost: a newer run has changed them, or
// this run has already gone back. DNSRefused: the mail host points to neither server, or the zone took no change.
func (u Updater) Update(ctx context.Context, in UpdateInput) (Update, error) {
	return u.change(ctx, in.HostedZoneID, in.Hostname, lease{fencing: in.Fencing}, in.edits, in.Old, netip.Addr{})
}

// Back undoes what Update did under the same fencing number or an earlier one, also if Update's answer was lost, unless
// the registry has followed. Where there is nothing to undo, Back still leaves its mark: an attempt of Update that is
// under way somewhere is refused from then on.
func (u Updater) Back(ctx context.Context, in BackInput) (Update, error) {
	return u.change(ctx, in.HostedZoneID, in.Hostname, lease{fencing: in.Fencing, back: true}, in.undo, Addresses{}, in.Arriving)
}

// planner lists the edits that next makes in a zone whose last change is prev.
type planner func(zone []types.ResourceRecordSet, host string, prev, next lease) ([]Edit, error)

// attempts bounds how often a refused batch is made anew from what the zone holds then: someone else may have edited one
// of its records a moment ago.
const attempts = 3

func (u Updater) change(ctx context.Context, zoneID, name string, mine lease, plan planner, old Addresses, arriving netip.Addr) (Update, error) {
	host, err := hostname(name)
	if err != nil {
		return Update{}, fault.InvalidInput.Tellf("%w", err)
	}
	var refusal error
	for range attempts {
		zone, err := list(ctx, u.Zones, zoneID)
		if err != nil {
			return Update{}, err
		}
		edits, batch, err := compose(zone, host, mine, plan)
		if err != nil {
			return Update{}, err
		}
		id, err := u.submit(ctx, zoneID, batch, "mail server moved, lease "+mine.mark())
		if err == nil {
			return Update{
				HostedZoneID: zoneID, Hostname: host, ChangeID: id, Lease: mine.mark(), Moved: len(edits) > 0,
				Arrived: slices.Contains(addresses(zone, host), arriving.String()),
				Edits:   append([]Edit{}, edits...), Mentions: mentions(zone, old),
			}, nil
		}
		if awsfault.Code(err) != "InvalidChangeBatch" {
			return Update{}, zoneFault(err, zoneID, "change the records of "+host)
		}
		refusal = err
	}
	return Update{}, fault.DNSRefused.Errorf("change the records of %s: %s: %w", host, reasons(refusal), refusal)
}

// compose makes the batch that takes the zone from its last change to mine. Where mine is the last change, its answer was
// lost: then the batch puts the lease in its own place, so that there is a change id to wait for.
func compose(zone []types.ResourceRecordSet, host string, mine lease, plan planner) ([]Edit, []types.Change, error) {
	prev, err := readLease(zone, host)
	if err != nil {
		return nil, nil, err
	}
	var batch []types.Change
	switch age := prev.compare(mine); {
	case age > 0:
		return nil, nil, fault.LeaseLost.Tellf("%s was last changed under the lease %q, ours is %q", host, prev.mark(), mine.mark())
	case age == 0:
		mine.edits = prev.edits
	default:
		if mine.edits, err = plan(zone, host, prev, mine); err != nil {
			return nil, nil, err
		}
		for _, e := range mine.edits {
			made, err := e.changes(zone)
			if err != nil {
				return nil, nil, err
			}
			batch = append(batch, made...)
		}
	}
	swap, err := prev.swap(mine, host)
	return mine.edits, append(batch, swap...), err
}

// submit sends a batch and returns the id of the change.
func (u Updater) submit(ctx context.Context, zoneID string, batch []types.Change, comment string) (string, error) {
	out, err := u.Zones.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String(zoneID),
		ChangeBatch:  &types.ChangeBatch{Changes: batch, Comment: aws.String(comment)},
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.ChangeInfo.Id), nil
}

// reasons are Route 53's own, which the SDK's text of the error leaves out.
func reasons(err error) string {
	var refused *types.InvalidChangeBatch
	if errors.As(err, &refused) {
		return strings.Join(refused.Messages, "; ")
	}
	return ""
}

// edits is the planner of Update.
func (in UpdateInput) edits(zone []types.ResourceRecordSet, host string, _, _ lease) ([]Edit, error) {
	edits, err := find(zone, in.Old, in.New)
	if err != nil {
		return nil, err
	}
	isHost := func(e Edit) bool { return e.Type == types.RRTypeA && Name(e.Name) == host }
	if slices.ContainsFunc(edits, isHost) {
		return edits, nil
	}
	switch points := addresses(zone, host); {
	case slices.Contains(points, in.New.IP.String()):
		return edits, nil // a person was there first
	case len(points) == 0:
		return nil, fault.DNSRefused.Tellf("%s has no address record", host)
	}
	return nil, fault.DNSRefused.Tellf("%s points to %s, and not to the old server", host, strings.Join(addresses(zone, host), ", "))
}

// addresses are the values of a host's A records.
func addresses(zone []types.ResourceRecordSet, host string) []string {
	points := []string{}
	for _, set := range zone {
		if set.Type == types.RRTypeA && Name(aws.ToString(set.Name)) == host {
			points = append(points, valuesOf(set)...)
		}
	}
	return points
}

// undo is the planner of Back. A change that led to the serving server is finished; one that led away from it is undone,
// unless the host has arrived where it was going, or somebody has led it back already.
func (in BackInput) undo(zone []types.ResourceRecordSet, host string, prev, _ lease) ([]Edit, error) {
	away := slices.ContainsFunc(prev.edits, func(e Edit) bool {
		return slices.ContainsFunc(e.Removed, func(v string) bool { return speaksOf(v, in.Serving) })
	})
	points := addresses(zone, host)
	if !away || slices.Contains(points, in.Serving.String()) || slices.Contains(points, in.Arriving.String()) {
		return nil, nil
	}
	var edits []Edit
	for _, e := range prev.edits {
		edits = append(edits, e.reverse())
	}
	return edits, nil
}
