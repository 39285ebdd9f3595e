package restore

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// The events of an approval, as the audit trail spells them.
const (
	restoreApproved = "restore_approved"
	restoreDenied   = "restore_denied"
)

// Functions calls functions; *lambda.Client fits.
type Functions interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// HeraldConfig names the functions.
type HeraldConfig struct {
	RecordAudit     string `env:"RECORD_AUDIT_FUNCTION,required"`
	AlertSecurity   string `env:"ALERT_SECURITY_FUNCTION,required"`
	AlertOperations string `env:"ALERT_OPERATIONS_FUNCTION,required"`
}

// With is the herald that calls them.
func (c HeraldConfig) With(functions Functions) Herald { return Herald{functions, c} }

// Herald has what ApproveRestore decides recorded and told by the functions whose business that is: no state machine does
// it here.
type Herald struct {
	Functions Functions
	HeraldConfig
}

// severity of both events.
const severity = "critical"

// record appends to the audit trail.
func (h Herald) record(ctx context.Context, call task.Execution, event, requestedBy string, details any) error {
	return h.invoke(ctx, h.RecordAudit, map[string]any{
		"event": event, "severity": severity, "requested_by": requestedBy, "details": details, "execution": call,
	})
}

// tell writes to both teams; the first error comes after both were tried.
func (h Herald) tell(ctx context.Context, call task.Execution, event string, details any) error {
	var errs []error
	for _, desk := range []string{h.AlertSecurity, h.AlertOperations} {
		errs = append(errs, h.invoke(ctx, desk, map[string]any{
			"event": event, "severity": severity, "details": details, "execution": call,
		}))
	}
	return errors.Join(errs...)
}

// denied records and tells that a proposal was refused. That it was is the caller's answer whatever becomes of this.
func (h Herald) denied(ctx context.Context, call task.Execution, p Proposal, why error) {
	f := fault.Of(why)
	details := map[string]any{
		"backup_date": short(p.BackupDate), "requested_by": short(p.RequestedBy), "approved_by": short(p.ApprovedBy),
		"reason": short(p.Reason), "fault": string(f.Name), "cause": f.Message(),
	}
	err := errors.Join(h.record(ctx, call, restoreDenied, short(p.RequestedBy), details), h.tell(ctx, call, restoreDenied, details))
	if err != nil {
		slog.ErrorContext(ctx, "a refused proposal is not on record, or not told", "error", err.Error())
	}
}

func short(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxText)], "")
}

// invoke calls a function and waits for it. What it fails with keeps its name.
func (h Herald) invoke(ctx context.Context, function string, payload any) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return fault.Unexpected.Errorf("the payload of %s: %w", function, err)
	}
	out, err := h.Functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: text})
	switch {
	case err != nil:
		return awsfault.From(err, "invoke %s", function)
	case out.FunctionError != nil:
		var failed struct {
			Type string `json:"errorType"`
		}
		_ = json.Unmarshal(out.Payload, &failed) // without a name it is AWSUnavailable, as a function that died
		return nameOf(failed.Type).Errorf("%s: %s: %s", function, aws.ToString(out.FunctionError), failed.Type)
	}
	return nil
}

// nameOf is the fault of that name; a function that died without one may do better next time.
func nameOf(name string) fault.Name {
	if fault.Name(name).Meaning() == "" {
		return fault.AWSUnavailable
	}
	return fault.Name(name)
}
