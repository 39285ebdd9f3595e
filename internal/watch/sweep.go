package watch

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// SweepInput is the payload of SweepTenants.
type SweepInput struct {
	// ScheduledTime is that of the rule's event: an event that is delivered twice starts nothing twice.
	ScheduledTime time.Time `json:"scheduled_time"`
}

// Validate refuses a sweep without its time.
func (in SweepInput) Validate() error {
	if in.ScheduledTime.IsZero() {
		return errors.New("scheduled_time is missing")
	}
	return nil
}

// Swept is what a sweep found and did.
type Swept struct {
	Tenants       int     `json:"tenants"`
	Started       []Start `json:"started"`
	Waiting       int     `json:"waiting"` // servers that are down, and for which nothing runs or may be started
	AlarmsPut     int     `json:"alarms_put"`
	AlarmsDeleted int     `json:"alarms_deleted"`
	// LookingAgain: a further look at those was started whose Vault and server were not seen to agree.
	LookingAgain bool `json:"looking_again"`
	// BackingUp: a backup was started of changes that may be in no other.
	BackingUp bool `json:"backing_up"`
}

// mostPut is how many alarms one sweep puts: at CloudWatch's three in a second they take a minute and a half.
const mostPut = 250

// Backups has changes of Vault backed up that may be in no backup.
type Backups interface {
	Start(ctx context.Context, now time.Time) (started bool, err error)
}

// Sweeper is the function SweepTenants.
type Sweeper struct {
	Tenants    Tenants
	Alarms     Alarms
	Starter    Starter
	Settler    Settler
	Backups    Backups
	Executions tenant.Executions
	Metrics    Metrics
}

// Sweep starts what is in ALARM and has no execution that runs: a start that was lost, one that the budget refused, or a
// recovery that failed. The most important tenant comes first, and those whom people have in hand are left to them. Then it
// has Vault backed up where a change may be in no backup, has looked again at those whose credential is in doubt, and keeps the
// alarms in step with the registry. What still waits is counted last, so that a sweep which fails is missed.
//
// A record that cannot be read is left alone, its alarm too; ProbePlatform tells of it.
//
// Faults: InvalidInput, TenantUnknown, InvalidConfiguration, AWSUnavailable, AWSRefused.
func (s Sweeper) Sweep(ctx context.Context, in SweepInput) (Swept, error) {
	// The alarms first: a tenant that is registered in between has no alarm yet, and not an alarm without a tenant.
	alarms, err := s.Alarms.list(ctx)
	if err != nil {
		return Swept{}, err
	}
	tenants, unread := s.Tenants.Tenants(ctx)
	if unread != nil {
		if !fault.Is(unread, fault.Unexpected) {
			return Swept{}, unread
		}
		slog.WarnContext(ctx, "records that cannot be read", "error", unread.Error())
	}
	out := Swept{Tenants: len(tenants), Started: []Start{}}
	if err := s.startAll(ctx, in, tenants, alarms, &out); err != nil {
		return Swept{}, err
	}
	if out.BackingUp, err = s.Backups.Start(ctx, in.ScheduledTime); err != nil {
		return Swept{}, err
	}
	if out.LookingAgain, err = s.Settler.settle(ctx, tenants, in.ScheduledTime); err != nil {
		return Swept{}, err
	}
	if err := s.keep(ctx, tenants, alarms, unread == nil, &out); err != nil {
		return Swept{}, err
	}
	return out, put(ctx, s.Metrics, datum(ServersWaiting, float64(out.Waiting), in.ScheduledTime))
}

// startAll starts what waits, in the order of the tenants.
func (s Sweeper) startAll(ctx context.Context, in SweepInput, tenants []tenant.Tenant, alarms map[string]types.MetricAlarm, out *Swept) error {
	spent := false // for all, not for this tenant alone
	for _, t := range tenants {
		if alarms[t.ID].StateValue != types.StateValueAlarm || t.Suppressed {
			continue
		}
		underWay, err := t.UnderWay(ctx, s.Executions)
		if err != nil {
			return err
		}
		if underWay {
			continue
		}
		if spent {
			out.Waiting++
			continue
		}
		start, err := s.Starter.start(ctx, executionName(t.ID, "sweep", in.ScheduledTime.UTC().Format(time.RFC3339)), request{
			TenantID: t.ID, Reason: "alarm " + AlarmName(t.ID), RequestedBy: "events.amazonaws.com",
		})
		switch {
		case err != nil:
			return err
		case start.Verdict == tenant.Granted:
			out.Started = append(out.Started, start)
		case start.Verdict != tenant.UnderWay && start.Verdict != tenant.Suppressed:
			out.Waiting++
		}
		spent = slices.Contains([]tenant.Verdict{tenant.Stopped, tenant.Restoring, tenant.TooMany, tenant.HourSpent}, start.Verdict)
	}
	return nil
}

// keep puts the alarms that are missing or not as they should be, and deletes those whose tenant is gone, unless the registry
// could not be read whole.
func (s Sweeper) keep(ctx context.Context, tenants []tenant.Tenant, alarms map[string]types.MetricAlarm, whole bool, out *Swept) error {
	for _, t := range tenants {
		there, ok := alarms[t.ID]
		delete(alarms, t.ID)
		if out.AlarmsPut == mostPut || ok && is(there, s.Alarms.wanted(t.ID)) {
			continue
		}
		if err := s.Alarms.Put(ctx, t.ID); err != nil {
			return err
		}
		out.AlarmsPut++
	}
	if !whole {
		return nil
	}
	var gone []string
	for id := range alarms {
		gone = append(gone, id)
	}
	out.AlarmsDeleted = len(gone)
	return s.Alarms.delete(ctx, gone)
}
