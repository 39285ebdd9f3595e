package tenant

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// Incident starts the runbook credential-compromise.
type Incident struct {
	TenantID   string `json:"tenant_id"`
	IncidentID string `json:"incident_id"`
	// CompromiseDetails say what leaked and where. Whoever writes them may quote the password.
	CompromiseDetails string `json:"compromise_details"`
	Reason            string `json:"reason"`
	RequestedBy       string `json:"requested_by"` // a claim
	// Detected: no person asks for it. The rule for detectors' events sets it.
	Detected bool `json:"detected"`
}

var incidentID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

const (
	maxDetails    = 1024 // bytes
	defaultReason = "credential compromise"
)

func (i Incident) check() error {
	err := cmp.Or(checkID(i.TenantID), match(incidentID, "incident_id", i.IncidentID), checkDetails(i.CompromiseDetails))
	if err == nil && i.Reason != "" {
		err = checkText("reason", i.Reason, maxText)
	}
	if err == nil && i.RequestedBy != "" {
		err = checkText("requested_by", i.RequestedBy, maxText)
	}
	return err
}

// checkDetails admits text of several lines.
func checkDetails(text string) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) && !strings.ContainsRune("\n\r\t", r) }
	switch {
	case len(text) > maxDetails:
		return fmt.Errorf("compromise_details is longer than %d bytes", maxDetails)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, odd):
		return fmt.Errorf("compromise_details holds what is no text")
	}
	return nil
}

// ClaimInput is what the state machine hands to ClaimIncident: the start input whole, and the execution.
type ClaimInput struct {
	Input     json.RawMessage `json:"input"`
	Execution task.Execution  `json:"execution"`
}

// Validate checks the part that the state machine itself fills.
func (in ClaimInput) Validate() error { return in.Execution.Validate() }

// ExecutionARN is the execution that was started with the input.
func (in ClaimInput) ExecutionARN() string { return in.Execution.ARN }

// Claimed is the incident in its one form; every later step takes it. All members are always there.
type Claimed struct {
	TenantID   string `json:"tenant_id"`
	Hostname   string `json:"hostname"`
	IncidentID string `json:"incident_id"`
	// Details are the compromise_details without the tenant's password.
	Details     string `json:"details"`
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"`
	// Respond: this execution answers the incident. Otherwise First does, or has done so.
	Respond bool `json:"respond"`
	// Joined: the rotation of First, made for another incident, answers this one too; this execution records that.
	Joined bool `json:"joined"`
	// TakenOver: an execution that ended without success had claimed the incident before.
	TakenOver bool     `json:"taken_over"`
	First     Response `json:"first"`
}

// Redactor takes a tenant's password out of a text.
type Redactor interface {
	Redact(ctx context.Context, tenantID, text string) string
}

// Claimant is the step ClaimIncident.
type Claimant struct {
	Registry  Registry
	Responses Responses
	Redactor  Redactor
	Now       func() time.Time
}

// Claim validates the request and claims the incident for the execution. An incident that another execution answers, or has
// answered, is left to that; one whose execution has ended without success is taken over. What a detector reports within ten
// minutes of another rotation of the tenant joins that rotation: detectors see one leak many times. It is recorded and told of,
// for it may be another leak. What a person asks for always rotates. The step may be repeated.
//
// Faults: InvalidInput, TenantUnknown, AWSUnavailable, AWSRefused.
func (c Claimant) Claim(ctx context.Context, in ClaimInput) (Claimed, error) {
	var i Incident
	if err := strictjson.Unmarshal(in.Input, &i); err != nil {
		return Claimed{}, fault.InvalidInput.Tellf("%w", err)
	}
	if err := i.check(); err != nil {
		return Claimed{}, fault.InvalidInput.Tellf("%w", err)
	}
	t, err := c.Registry.Find(ctx, i.TenantID)
	if err != nil {
		return Claimed{}, err
	}
	asked := Claimed{
		TenantID: i.TenantID, Hostname: t.Hostname, IncidentID: i.IncidentID, Reason: cmp.Or(i.Reason, defaultReason), RequestedBy: i.RequestedBy,
	}
	// Before anything is written: what is in the table is redacted.
	i.CompromiseDetails = c.Redactor.Redact(ctx, i.TenantID, i.CompromiseDetails)
	var out Claimed
	err = untilSettled(ctx, "claim an incident of "+i.TenantID, func() (settled bool, err error) {
		out, settled, err = c.attempt(ctx, i, in.Execution.ARN, asked)
		return settled, err
	})
	if err != nil {
		return Claimed{}, err
	}
	return out, nil
}
