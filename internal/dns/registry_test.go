package dns

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

func TestZoneTTL(t *testing.T) {
	z := tenantZone()
	if ttl, found, err := (Zone{z}).TTL(t.Context(), zoneID, "MAIL.example.com"); ttl != 3600 || !found || err != nil {
		t.Errorf("TTL = %d, %v, %v", ttl, found, err)
	}
	if ttl, found, err := (Zone{z}).TTL(t.Context(), zoneID, "nowhere.example.com"); ttl != 0 || found || err != nil {
		t.Errorf("without an address record: %d, %v, %v", ttl, found, err)
	}
	_, found, err := Zone{z}.TTL(t.Context(), zoneID, "nowhere")
	wantFault(t, "no host name", err, fault.InvalidInput)
	if found {
		t.Error("what is no host name was found")
	}
}

// A zone that is not there must not pass for a host that has no address.
func TestZoneThatDoesNotExist(t *testing.T) {
	z := tenantZone()
	z.err = &types.NoSuchHostedZone{}
	_, found, err := Zone{z}.TTL(t.Context(), zoneID, "mail.example.com")
	wantFault(t, "wrong zone id", err, fault.DNSRefused)
	if found {
		t.Error("found in a zone that does not exist")
	}
}
