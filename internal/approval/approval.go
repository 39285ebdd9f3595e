// Package approval keeps what a second person has approved: that one backup is restored over one live Vault. An approval
// holds for an hour, and for one run.
package approval

import (
	"strings"
	"time"
)

// Lifetime is how long an approval holds.
const Lifetime = time.Hour

// Approval is what was approved, and by whom. The two persons are claims: that they are two is for IAM to see to.
type Approval struct {
	// ClusterID is the identity of the live Vault, ManifestSHA256 that of the backup, BackupDate its name for people.
	ClusterID      string    `json:"cluster_id"`
	ManifestSHA256 string    `json:"manifest_sha256"`
	BackupDate     string    `json:"backup_date"`
	RequestedBy    string    `json:"requested_by"`
	ApprovedBy     string    `json:"approved_by"`
	Reason         string    `json:"reason"`
	ApprovedAt     time.Time `json:"approved_at"` // UTC, whole seconds
	Expires        time.Time `json:"expires"`
	// UsedBy is the ARN of the execution that it was for; empty until then.
	UsedBy string `json:"used_by"`
}

// New is an approval that begins to hold now.
func New(a Approval, now time.Time) Approval {
	a.ApprovedAt = now.UTC().Truncate(time.Second)
	a.Expires, a.UsedBy = a.ApprovedAt.Add(Lifetime), ""
	return a
}

// Hindrance says why the approval does not admit a restore that this person asks for, or nothing. The zero Approval stands
// for none.
func (a Approval) Hindrance(requester string, now time.Time) string {
	switch {
	case a.ApprovedAt.IsZero():
		return "nobody has approved it"
	case a.UsedBy != "":
		return "the approval was used by " + a.UsedBy
	case !now.Before(a.Expires):
		return "the approval ended at " + a.Expires.Format(time.RFC3339)
	case Same(a.ApprovedBy, requester):
		return "who asks is who approved it"
	case !Same(a.RequestedBy, requester):
		return "it was approved for somebody else"
	}
	return ""
}

// Same reports whether two names are one person's.
func Same(one, other string) bool {
	return strings.EqualFold(strings.TrimSpace(one), strings.TrimSpace(other))
}
