package tenant

import (
	"cmp"
	"context"
	"log/slog"
)

// Setting is the payload of SetAutomation: it turns automatic recoveries off or on again, all of them or one tenant's.
type Setting struct {
	Stopped     bool   `json:"stopped"`
	TenantID    string `json:"tenant_id"` // empty for all
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"` // a claim
}

// Validate refuses a setting that does not say who and why.
func (s Setting) Validate() error {
	err := cmp.Or(checkText("reason", s.Reason, maxText), checkText("requested_by", s.RequestedBy, maxText))
	if err == nil && s.TenantID != "" {
		err = checkID(s.TenantID)
	}
	return err
}

// Automation is the function SetAutomation.
type Automation struct{ Budget Budget }

// Set makes the setting and answers with it. Repeated, it changes nothing more. Who turned the switch for all, and why,
// stands in the table; for one tenant it stands in the log.
//
// Faults: InvalidInput, TenantUnknown, AWSUnavailable, AWSRefused.
func (a Automation) Set(ctx context.Context, s Setting) (Setting, error) {
	var err error
	if s.TenantID == "" {
		err = a.Budget.Turn(ctx, Switch{Stopped: s.Stopped, Reason: s.Reason, By: s.RequestedBy})
	} else {
		err = a.Budget.Registry.Suppress(ctx, s.TenantID, s.Stopped)
	}
	if err != nil {
		return Setting{}, err
	}
	slog.InfoContext(ctx, "automation", "stopped", s.Stopped, "tenant_id", s.TenantID, "reason", s.Reason, "requested_by", s.RequestedBy)
	return s, nil
}
