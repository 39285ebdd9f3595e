package dns

import "context"

// Zone answers what the tenant registry asks about a tenant's zone.
type Zone struct{ RecordSets }

// TTL is that of the name's address records, in seconds; found is false for a name without any. A zone that does not
// exist is DNSRefused.
func (z Zone) TTL(ctx context.Context, zoneID, name string) (ttl int, found bool, err error) {
	d, found, err := addressTTL(ctx, z.RecordSets, zoneID, name)
	return int(d.Seconds()), found, err
}
