package dns

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// TTL is how long a resolver may keep the addresses of a host: the longest TTL among its A and AAAA records. It is what a
// recovery's last minutes depend on. A host without an address record is DNSRefused.
func TTL(ctx context.Context, api RecordSets, zoneID, name string) (time.Duration, error) {
	ttl, found, err := addressTTL(ctx, api, zoneID, name)
	if err == nil && !found {
		err = fault.DNSRefused.Tellf("%s has no address record", Name(name))
	}
	return ttl, err
}

// addressTTL is TTL for those who take a host without an address record for an answer.
func addressTTL(ctx context.Context, api RecordSets, zoneID, name string) (ttl time.Duration, found bool, err error) {
	host, err := hostname(name)
	if err != nil {
		return 0, false, fault.InvalidInput.Tellf("%w", err)
	}
	// Record sets are listed in order of names, and those of one name in order of types: A and AAAA come first.
	page, err := api.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(zoneID), StartRecordName: aws.String(host), StartRecordType: types.RRTypeA,
	})
	if err != nil {
		return 0, false, zoneFault(err, zoneID, "list the records of "+zoneID)
	}
	longest := int64(0)
	for _, set := range page.ResourceRecordSets {
		if Name(aws.ToString(set.Name)) == host && (set.Type == types.RRTypeA || set.Type == types.RRTypeAaaa) {
			longest, found = max(longest, aws.ToInt64(set.TTL)), true
		}
	}
	return time.Duration(longest) * time.Second, found, nil
}
