// Package dns moves a tenant's records from one server's addresses to another's, as one change that is atomic, fenced
// and reversible, and proves by asking the zone's own name servers that the world sees it.
//
// The fence is the record TXT _lease.<hostname>. It holds the fencing number of the run that last changed the records,
// and every change deletes it exactly as it was read and creates it anew in the same batch. Route 53 makes all of a batch
// or none, and a DELETE must match: a run that has been overtaken is refused by DNS itself, whatever it still believes.
//
// The same record keeps what the change replaced. A run that never got its answer, and the undoing of a run that ended
// before it could say what it did, both find it there.
package dns

import (
	"context"
	"errors"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Addresses are those of one server, named as the registry names them.
type Addresses struct {
	IP netip.Addr `json:"ip"`
	// IPv6 is empty for a server without one.
	IPv6 netip.Addr `json:"ipv6"`
}

// Validate refuses addresses of the wrong family, and none at all.
func (a Addresses) Validate() error {
	switch {
	case !a.IP.Is4():
		return errors.New("ip is not an IPv4 address")
	case a.IPv6.IsValid() && (!a.IPv6.Is6() || a.IPv6.Is4In6() || a.IPv6.Zone() != ""):
		return errors.New("ipv6 is not an IPv6 address")
	}
	return nil
}

// RecordSets is what reading a zone asks of Route 53.
type RecordSets interface {
	ListResourceRecordSets(context.Context, *route53.ListResourceRecordSetsInput, ...func(*route53.Options)) (*route53.ListResourceRecordSetsOutput, error)
}

// list reads every record set of a zone. It is not one moment's picture: a change may fall between two pages.
func list(ctx context.Context, api RecordSets, zoneID string) ([]types.ResourceRecordSet, error) {
	var sets []types.ResourceRecordSet
	pages := route53.NewListResourceRecordSetsPaginator(api, &route53.ListResourceRecordSetsInput{HostedZoneId: aws.String(zoneID)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, zoneFault(err, zoneID, "list the records of "+zoneID)
		}
		sets = append(sets, page.ResourceRecordSets...)
	}
	return sets, nil
}

// zoneFault names the fault in err. That the zone does not exist is the tenant's entry being wrong, not the stack's.
func zoneFault(err error, zoneID, call string) error {
	if awsfault.Code(err) == "NoSuchHostedZone" {
		return fault.DNSRefused.Tellf("there is no hosted zone %s", zoneID)
	}
	return awsfault.From(err, "%s", call)
}
