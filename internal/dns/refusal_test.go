package dns

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/smithy-go"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

func TestRefusedZones(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*zone)
		public string
	}{
		"points elsewhere": {func(z *zone) { z.sets[4].ResourceRecords[0].Value = aws.String("192.0.2.99") }, "points to 192.0.2.99"},
		"no address":       {func(z *zone) { z.sets = slices.Delete(z.sets, 4, 5) }, "no address record"},
		"foreign lease":    {func(z *zone) { z.set("_lease.mail.example.com", "TXT", 60, `"seven"`) }, "not written by a recovery"},
		"two leases":       {func(z *zone) { z.set("_lease.mail.example.com", "TXT", 60, `"7"`, `"6"`) }, "not written by a recovery"},
		"no number":        {func(z *zone) { z.set("_lease.mail.example.com", "TXT", 60, `"{\"name\":\"a\"}"`) }, "not written by a recovery"},
		"broken journal":   {func(z *zone) { z.set("_lease.mail.example.com", "TXT", 60, `"6"`, `"{\"nom\":\"a\"}"`) }, "not written by a recovery"},
		"routing policy": {func(z *zone) {
			z.set("smtp.example.com", "AAAA", 60, "2001:db8:1::1")
			z.sets[len(z.sets)-1].SetIdentifier, z.sets[len(z.sets)-1].Weight = aws.String("a"), aws.Int64(1)
		}, "routing policy"},
		"too long": {func(z *zone) {
			z.set("long.example.com", "TXT", 60, FormatTXT("v=spf1 ip4:203.0.113.10 "+strings.Repeat("include:a.example.net ", 120)+"-all"))
		}, "too long"},
		"always refused": {func(z *zone) { z.before = func() { z.sets[4].TTL = aws.Int64(*z.sets[4].TTL + 1) } }, ""},
	} {
		z := tenantZone()
		tt.change(z)
		in := forward(7)
		in.New.IPv6 = Addresses{}.IPv6
		_, err := Updater{z}.Update(t.Context(), in)
		wantFault(t, name, err, fault.DNSRefused)
		if !strings.Contains(fault.Of(err).Public, tt.public) {
			t.Errorf("%s: it says %q", name, fault.Of(err).Public)
		}
		if tt.public == "" && !strings.Contains(err.Error(), "do not match the current values") {
			t.Errorf("%s: the log does not say why: %v", name, err)
		}
		if z.batches != 0 {
			t.Errorf("%s: the zone was changed", name)
		}
	}
}

// A record set of ours that someone has changed since is not overwritten on the way back.
func TestBackOverAForeignHand(t *testing.T) {
	z := tenantZone()
	if _, err := (Updater{z}).Update(t.Context(), forward(7)); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(z.sets, func(rs types.ResourceRecordSet) bool { return *rs.Name == "mail.example.com." && rs.Type == "A" })
	z.sets[i].ResourceRecords[0].Value = aws.String("192.0.2.99")
	_, err := Updater{z}.Back(t.Context(), goBack(7))
	wantFault(t, "a foreign hand", err, fault.DNSRefused)
	wantMark(t, "a foreign hand", z, "7")
}

func TestFaultsOfRoute53(t *testing.T) {
	for want, answer := range map[fault.Name]error{
		fault.DNSRefused:     &types.NoSuchHostedZone{},
		fault.AWSRefused:     &smithy.GenericAPIError{Code: "AccessDenied"},
		fault.AWSUnavailable: &types.PriorRequestNotComplete{},
	} {
		z := tenantZone()
		z.err = answer
		_, err := Updater{z}.Update(t.Context(), forward(7))
		wantFault(t, "list", err, want)
		_, _, err = Zone{z}.TTL(t.Context(), zoneID, "mail.example.com")
		wantFault(t, "TTL", err, want)

		z = tenantZone()
		z.before = func() { z.before = nil; z.answer = func(int) error { return answer } }
		_, err = Updater{z}.Update(t.Context(), forward(7))
		wantFault(t, "change", err, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	z := tenantZone()
	z.err = ctx.Err()
	_, err := Updater{z}.Back(ctx, goBack(7))
	wantFault(t, "time is up", err, fault.AWSUnavailable)
}
