package routine

import (
	"crypto/sha256"
	"regexp"
	"strconv"
	"time"
)

const day = 24 * time.Hour

// usual is how long a credential lasts whose secret says nothing of it, or nothing that can be read.
const usual = 180 * day

var policy = regexp.MustCompile(`^[1-9][0-9]{0,3}d$`)

// lifetime is what a rotation_policy says: "180d", from 1 to 9999 days. One of any other form is not ok, and the usual one.
func lifetime(text string) (last time.Duration, ok bool) {
	if !policy.MatchString(text) {
		return usual, text == ""
	}
	days, err := strconv.Atoi(text[:len(text)-1])
	return time.Duration(days) * day, err == nil
}

// hour is when in the day a tenant's credential is rotated: each has an hour of its own, so that they are spread over it.
func hour(tenantID string) time.Duration {
	sum := sha256.Sum256([]byte(tenantID))
	return time.Duration(sum[0]) % 24 * time.Hour
}

// due is the tenant's own hour, the first that comes after so long from then.
func due(from time.Time, after time.Duration, tenantID string) time.Time {
	end := from.UTC().Add(after)
	at := end.Truncate(day).Add(hour(tenantID))
	if at.Before(end) {
		at = at.Add(day)
	}
	return at
}
