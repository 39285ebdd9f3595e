package watch

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

func (w *world) sweep(t *testing.T) Swept {
	t.Helper()
	got, err := w.sweeper().Sweep(t.Context(), SweepInput{noon})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// The tenants come in the registry's order, the most important one first.
func TestTheSweepStartsWhatFellThrough(t *testing.T) {
	w := newWorld(t)
	w.live("down", "well", "in-hand", "worked-on", "failed", "spent", "last")
	w.ring("down", "in-hand", "worked-on", "failed", "spent", "last")
	w.tenants[2].Suppressed = true
	w.tenants[3].Lease.Holder, w.running["by-hand"] = "by-hand", true
	w.tenants[4].Lease.Holder = "aborted"
	w.verdicts["spent"] = tenant.TenantSpent
	for range 2 { // the event may be delivered twice
		got := w.sweep(t)
		if got.Waiting != 1 || len(got.Started) != 3 || got.Tenants != 7 || got.AlarmsPut+got.AlarmsDeleted != 0 {
			t.Errorf("swept %+v", got)
		}
	}
	if want := []string{"down", "failed", "spent", "last"}; !slices.Equal(w.asked[:4], want) {
		t.Errorf("asked the budget for %v, want %v", w.asked[:4], want)
	}
	if len(w.started) != 3 {
		t.Errorf("started %v", slices.Sorted(maps.Keys(w.started)))
	}
	if want := []string{"ServersWaiting 1", "ServersWaiting 1"}; !slices.Equal(w.data(), want) {
		t.Errorf("put %v", w.data())
	}
	for name, input := range w.started {
		id := name[:len(name)-17]
		if want := fmt.Sprintf(`{"tenant_id":%q,"reason":"alarm pmdr-server-down-%s","requested_by":"events.amazonaws.com"}`, id, id); input != want {
			t.Errorf("started with %s, want %s", input, want)
		}
	}
	if len(w.told) != 0 {
		t.Error("a sweep sends mail")
	}
}

// Once the budget is spent for all, nobody else is asked for: what is left waits.
func TestTheSweepStopsAskingASpentBudget(t *testing.T) {
	for _, v := range []tenant.Verdict{tenant.Stopped, tenant.Restoring, tenant.TooMany, tenant.HourSpent} {
		w := newWorld(t)
		w.live("first", "second", "third", "worked-on", "fifth")
		w.ring("first", "second", "third", "worked-on", "fifth")
		w.verdicts["second"] = v
		w.tenants[3].Lease.Holder, w.running["by-hand"] = "by-hand", true
		got := w.sweep(t)
		if got.Waiting != 3 || len(got.Started) != 1 || !slices.Equal(w.asked, []string{"first", "second"}) {
			t.Errorf("%s: asked for %v, swept %+v", v, w.asked, got)
		}
	}
}

func TestTheSweepKeepsTheAlarmsInStep(t *testing.T) {
	w := newWorld(t)
	w.live("kept", "missing", "changed", "silenced", "gone", "gone-too")
	w.ring("kept")
	w.tenants = w.tenants[:4]
	delete(w.alarms, AlarmName("missing"))
	edit := func(id string, change func(*types.MetricAlarm)) {
		alarm := w.alarms[AlarmName(id)]
		change(&alarm)
		w.alarms[AlarmName(id)] = alarm
	}
	edit("changed", func(a *types.MetricAlarm) { a.EvaluationPeriods = aws.Int32(9) })
	edit("silenced", func(a *types.MetricAlarm) { a.ActionsEnabled = aws.Bool(false) })
	w.alarms["pmdr-vault-backup-failed"] = types.MetricAlarm{AlarmName: aws.String("pmdr-vault-backup-failed")}

	w.unread = fault.Unexpected.Errorf("tenant broken: hostname is missing")
	if got := w.sweep(t); got.AlarmsPut != 3 || got.AlarmsDeleted != 0 || len(w.alarms) != 7 {
		t.Errorf("with a record that cannot be read: %+v", got)
	}
	w.unread = nil
	if got := w.sweep(t); got.AlarmsPut != 0 || got.AlarmsDeleted != 2 {
		t.Errorf("with all records: %+v", got)
	}
	want := []string{AlarmName("changed"), AlarmName("kept"), AlarmName("missing"), AlarmName("silenced"), "pmdr-vault-backup-failed"}
	if got := slices.Sorted(maps.Keys(w.alarms)); !slices.Equal(got, want) {
		t.Errorf("there are %v", got)
	}
	if w.alarms[AlarmName("kept")].StateValue != types.StateValueAlarm {
		t.Error("an alarm that was right was put anew")
	}
}

func TestASweepPutsSoManyAlarms(t *testing.T) {
	w := newWorld(t)
	for i := range mostPut + 10 {
		w.live(fmt.Sprintf("tenant-%04d", i))
	}
	clear(w.alarms)
	if got := w.sweep(t); got.AlarmsPut != mostPut {
		t.Errorf("first %+v", got)
	}
	if got := w.sweep(t); got.AlarmsPut != 10 {
		t.Errorf("then %+v", got)
	}
}

// A sweep that failed puts no metric, and the metric's absence rings.
func TestASweepThatFailsIsMissed(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*world)
		want    fault.Name
	}{
		"no registry": {func(w *world) { w.tenants, w.unread = nil, fault.AWSRefused.Errorf("no table") }, fault.AWSRefused},
		"no start":    {func(w *world) { w.down = errors.ErrUnsupported }, fault.Unexpected},
	} {
		w := newWorld(t)
		w.live("acme")
		w.ring("acme")
		c.prepare(w)
		_, err := w.sweeper().Sweep(t.Context(), SweepInput{noon})
		wants(t, err, c.want)
		if len(w.data()) != 0 {
			t.Errorf("%s: put %v", name, w.data())
		}
	}
}

func TestTheAlarmOnAServer(t *testing.T) {
	w := newWorld(t)
	w.live("acme")
	want := types.MetricAlarm{
		AlarmName:        aws.String("pmdr-server-down-acme"),
		AlarmDescription: aws.String("The mail server of acme is down. StartRecovery starts vps-recovery, or tells the operators why it does not."),
		Namespace:        aws.String("PenguinMails/DR"), MetricName: aws.String("ServerDown"),
		Dimensions: []types.Dimension{{Name: aws.String("TenantId"), Value: aws.String("acme")}},
		Statistic:  "Maximum", Period: aws.Int32(60), EvaluationPeriods: aws.Int32(3), DatapointsToAlarm: aws.Int32(3),
		Threshold: aws.Float64(1), ComparisonOperator: "GreaterThanOrEqualToThreshold", TreatMissingData: aws.String("ignore"),
		ActionsEnabled: aws.Bool(true), AlarmActions: []string{topic}, OKActions: []string{}, StateValue: "INSUFFICIENT_DATA",
	}
	if got := w.alarms["pmdr-server-down-acme"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheSweepHasChangesBackedUp(t *testing.T) {
	w := newWorld(t)
	if got := w.sweep(t); got.BackingUp {
		t.Errorf("nothing was changed: %+v", got)
	}
	w.unsaved = true
	if got := w.sweep(t); !got.BackingUp {
		t.Errorf("swept %+v", got)
	}
	w.backups = fault.AWSUnavailable.Errorf("no route")
	_, err := w.sweeper().Sweep(t.Context(), SweepInput{noon})
	wants(t, err, fault.AWSUnavailable)
}
