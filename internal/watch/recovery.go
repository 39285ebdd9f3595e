package watch

import (
	"context"

	"github.com/penguinmails/disaster-recovery/internal/notice"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// Operators hear of a recovery that did not start by itself.
type Operators interface {
	RecoveryNotStarted(context.Context, notice.NotStarted) error
}

// Response is what became of the alarms of one delivery.
type Response struct {
	Starts []Start `json:"starts"`
}

// Responder is the function StartRecovery.
type Responder struct {
	Starter   Starter
	Operators Operators
}

// why says in words why a recovery did not start by itself. The other verdicts leave nothing to tell: one has started, or
// runs already.
var why = map[tenant.Verdict]string{
	tenant.Stopped:     "All automation is stopped.",
	tenant.Suppressed:  "Automatic recoveries of this tenant are stopped.",
	tenant.Restoring:   "Vault is being restored; this one starts by itself after that.",
	tenant.TenantSpent: "This tenant has had an automatic recovery within the last hour.",
	tenant.TooMany:     "As many automatic recoveries run as may at once; this one starts by itself after one of them has ended.",
	tenant.HourSpent:   "As many automatic recoveries have started within the last hour as may; this one starts by itself once that hour is over.",
}

// Respond starts the recovery of every server whose alarm went to ALARM, or tells the operators why it does not. Other states
// start nothing. Delivered again, it starts nothing more.
//
// Faults: InvalidInput, TenantUnknown, InvalidConfiguration, AWSUnavailable, AWSRefused.
func (r Responder) Respond(ctx context.Context, in Delivery) (Response, error) {
	out := Response{Starts: []Start{}}
	for _, alarm := range in.Alarms {
		if alarm.State != inAlarm {
			continue
		}
		id, err := tenantOf(alarm.Name)
		if err != nil {
			return Response{}, err
		}
		start, err := r.Starter.start(ctx, executionName(id, alarm.Name, alarm.ChangedAt), request{
			TenantID: id, Reason: "alarm " + alarm.Name, RequestedBy: "cloudwatch.amazonaws.com",
		})
		if err != nil {
			return Response{}, err
		}
		out.Starts = append(out.Starts, start)
		if why[start.Verdict] == "" {
			continue
		}
		err = r.Operators.RecoveryNotStarted(ctx, notice.NotStarted{TenantID: id, Alarm: alarm.Name, Since: alarm.ChangedAt, Why: why[start.Verdict]})
		if err != nil {
			return Response{}, err
		}
	}
	return out, nil
}
