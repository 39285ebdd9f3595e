package dns

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
)

// past is a Route 53 as it was at one moment.
type past struct {
	zones []types.HostedZone
	sets  map[string][]types.ResourceRecordSet // by zone id
}

// Lag makes the server fall behind: it goes on to answer as it would at this moment, whatever becomes of the zones.
func (s *Server) Lag(ctx context.Context) error {
	p := past{sets: map[string][]types.ResourceRecordSet{}}
	for pages := route53.NewListHostedZonesPaginator(s.options.Zones, &route53.ListHostedZonesInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list hosted zones: %w", err)
		}
		p.zones = append(p.zones, page.HostedZones...)
	}
	for _, z := range p.zones {
		id := aws.ToString(z.Id)
		for pages := route53.NewListResourceRecordSetsPaginator(s.options.Zones, &route53.ListResourceRecordSetsInput{HostedZoneId: z.Id}); pages.HasMorePages(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("list the records of %s: %w", aws.ToString(z.Name), err)
			}
			p.sets[id] = append(p.sets[id], page.ResourceRecordSets...)
		}
	}
	var zones Zones = p
	s.zones.Store(&zones)
	return nil
}

// CatchUp ends a lag.
func (s *Server) CatchUp() { s.zones.Store(&s.options.Zones) }

// ListHostedZones lists those of then.
func (p past) ListHostedZones(context.Context, *route53.ListHostedZonesInput, ...func(*route53.Options)) (*route53.ListHostedZonesOutput, error) {
	return &route53.ListHostedZonesOutput{HostedZones: p.zones}, nil
}

// ListResourceRecordSets lists those of then.
func (p past) ListResourceRecordSets(_ context.Context, in *route53.ListResourceRecordSetsInput, _ ...func(*route53.Options)) (*route53.ListResourceRecordSetsOutput, error) {
	return &route53.ListResourceRecordSetsOutput{ResourceRecordSets: p.sets[aws.ToString(in.HostedZoneId)]}, nil
}
