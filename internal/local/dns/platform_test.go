//go:build platform

package dns

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/google/uuid"
	"github.com/miekg/dns"

	"github.com/penguinmails/disaster-recovery/internal/archive/archivetest"
)

func TestMain(m *testing.M) { archivetest.Main(m) }

// A change shows in the first answer after it, and so does a zone that was not there before.
func TestTheEnginesZones(t *testing.T) {
	client := route53.NewFromConfig(archivetest.AWS)
	s := start(t, Options{Zones: client})
	origin := uuid.NewString() + ".example."
	m := new(dns.Msg)
	m.SetQuestion("mail."+origin, dns.TypeA)
	expect := func(what, want string) {
		t.Helper()
		if got := summary(exchange(t, "udp", s.Addr, m)); got != want {
			t.Errorf("%s: %s", what, got)
		}
	}
	expect("before the zone", "REFUSED")
	made, err := client.CreateHostedZone(t.Context(), &route53.CreateHostedZoneInput{
		Name: aws.String(origin), CallerReference: aws.String(origin),
	})
	if err != nil {
		t.Fatal(err)
	}
	expect("before the record", "NXDOMAIN ; aa ; | "+origin+" 900 IN SOA")
	for _, address := range []string{"203.0.113.10", "198.51.100.20"} {
		if _, err := client.ChangeResourceRecordSets(t.Context(), &route53.ChangeResourceRecordSetsInput{
			HostedZoneId: made.HostedZone.Id,
			ChangeBatch: &types.ChangeBatch{Changes: []types.Change{{Action: types.ChangeActionUpsert, ResourceRecordSet: &types.ResourceRecordSet{
				Name: aws.String("mail." + origin), Type: types.RRTypeA, TTL: aws.Int64(60),
				ResourceRecords: []types.ResourceRecord{{Value: aws.String(address)}},
			}}}},
		}); err != nil {
			t.Fatal(err)
		}
		expect(address, "NOERROR ; aa ; mail."+origin+" 60 IN A "+address)
	}
}
