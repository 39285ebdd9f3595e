package dns

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Zone answers what the tenant registry asks about a tenant's zone.
type Zone struct{ RecordSets }

// TTL is how long a resolver may keep the addresses of a host, in seconds: the longest TTL among its A and AAAA records.
// It is what a recovery's last minutes depend on. found is false for a name without any. A zone that does not exist is
// DNSRefused.
func (z Zone) TTL(ctx context.Context, zoneID, name string) (ttl int, found bool, err error) {
	host, err := hostname(name)
	if err != nil {
		return 0, false, fault.InvalidInput.Tellf("%w", err)
	}
	// Record sets are listed in order of names, and those of one name in order of types: A and AAAA come first.
	page, err := z.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(zoneID), StartRecordName: aws.String(host), StartRecordType: types.RRTypeA,
	})
	if err != nil {
		return 0, false, zoneFault(err, zoneID, "list the records of "+zoneID)
	}
	for _, set := range page.ResourceRecordSets {
		if Name(aws.ToString(set.Name)) == host && (set.Type == types.RRTypeA || set.Type == types.RRTypeAaaa) {
			ttl, found = max(ttl, int(aws.ToInt64(set.TTL))), true
		}
	}
	return ttl, found, nil
}
