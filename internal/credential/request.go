package credential

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Request asks for a rotation; it starts the runbook credential-rotation.
type Request struct {
	TenantID string `json:"tenant_id"`
	// IncidentID names the incident that the rotation answers; empty for any other rotation.
	IncidentID  string `json:"incident_id"`
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"` // a claim
}

var (
	tenantID   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	incidentID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)
)

// maxText bounds what is written into Vault's metadata, whose values hold 512 bytes, and into records.
const maxText = 256

// Validate refuses a request that no record could be made of. It quotes no value.
func (r Request) Validate() error {
	switch {
	case !tenantID.MatchString(r.TenantID):
		return errors.New("tenant_id must be lower-case letters, digits and hyphens, at most 63")
	case r.IncidentID != "" && !incidentID.MatchString(r.IncidentID):
		return errors.New("incident_id must be 1 to 64 of the characters A-Z a-z 0-9 . _ : -")
	case r.Reason == "":
		return errors.New("reason is missing")
	}
	for name, text := range map[string]string{"reason": r.Reason, "requested_by": r.RequestedBy} {
		if len(text) > maxText || !utf8.ValidString(text) || strings.ContainsFunc(text, unprintable) {
			return errors.New(name + " must be one printable line of at most 256 bytes")
		}
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }
