package watch

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/notice"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

const (
	machine = "arn:aws:states:us-east-1:123456789012:stateMachine:vps-recovery"
	settler = "arn:aws:states:us-east-1:123456789012:stateMachine:reconcile-after-restore"
	topic   = "arn:aws:sns:us-east-1:123456789012:pmdr-server-alarms"
)

// world is AWS around the watch, in memory.
type world struct {
	t *testing.T

	tenants []tenant.Tenant
	unread  error // beside them, or in their place

	calls   [][]types.MetricDatum // of PutMetricData
	refuses string                // the metric that CloudWatch does not take
	alarms  map[string]types.MetricAlarm
	changed int // how many alarms were put

	verdicts map[string]tenant.Verdict // by tenant; granted where there is none
	asked    []string                  // tenants, of the budget
	started  map[string]string         // input by name
	down     error                     // what StartExecution answers
	running  map[string]bool           // executions
	stopped  bool                      // all automation
	restore  error                     // what is in the way while Vault is being restored
	unsaved  bool                      // a change of Vault
	backups  error                     // what starting a backup ends with

	told []notice.NotStarted
	mute error // what telling answers
}

func newWorld(t *testing.T) *world {
	return &world{t: t, alarms: map[string]types.MetricAlarm{}, verdicts: map[string]tenant.Verdict{},
		started: map[string]string{}, running: map[string]bool{}}
}

func (w *world) starter() Starter {
	return Starter{Budget: w, Machine: launch.Machine{Client: w, ARN: machine}}
}

func (w *world) sweeper() Sweeper {
	return Sweeper{Tenants: w, Alarms: Alarms{CloudWatch: w, Config: AlarmConfig{Topic: topic, Minutes: 3}},
		Starter: w.starter(), Settler: Settler{Automation: w, Restores: w, Machine: launch.Machine{Client: w, ARN: settler}},
		Backups: backups{w}, Executions: w, Metrics: w}
}

// backups are those of changes.
type backups struct{ w *world }

func (b backups) Start(_ context.Context, now time.Time) (bool, error) {
	if !now.Equal(noon) && b.w.unsaved {
		b.w.t.Errorf("the sweep is of %v", now)
	}
	return b.w.unsaved, b.w.backups
}

func (w *world) Switch(context.Context) (tenant.Switch, error) {
	return tenant.Switch{Stopped: w.stopped}, nil
}

func (w *world) Guard(context.Context) error { return w.restore }

// live adds tenants with their alarms, as RegisterTenant leaves them.
func (w *world) live(ids ...string) {
	w.t.Helper()
	for i, id := range ids {
		w.tenants = append(w.tenants, tenant.Tenant{Description: tenant.Description{
			ID: id, Hostname: "mail." + id + ".example", VPS: tenant.VPS{IP: netip.AddrFrom4([4]byte{9, 9, 9, byte(i)})}}})
		if err := w.sweeper().Alarms.Put(w.t.Context(), id); err != nil {
			w.t.Fatal(err)
		}
	}
	w.changed = 0
}

// ring sends alarms to ALARM.
func (w *world) ring(ids ...string) {
	for _, id := range ids {
		alarm := w.alarms[AlarmName(id)]
		alarm.StateValue = types.StateValueAlarm
		w.alarms[AlarmName(id)] = alarm
	}
}

func (w *world) Tenants(context.Context) ([]tenant.Tenant, error) { return w.tenants, w.unread }

func (w *world) PutMetricData(_ context.Context, in *cloudwatch.PutMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricDataOutput, error) {
	if aws.ToString(in.Namespace) != "PenguinMails/DR" || len(in.MetricData) > 1000 {
		w.t.Errorf("%d data for %s", len(in.MetricData), aws.ToString(in.Namespace))
	}
	for _, d := range in.MetricData {
		if *d.MetricName == w.refuses {
			return nil, context.DeadlineExceeded
		}
	}
	w.calls = append(w.calls, in.MetricData)
	return &cloudwatch.PutMetricDataOutput{}, nil
}

// data are the data that were put, as "ServerDown acme 1", in order.
func (w *world) data() (lines []string) {
	for _, d := range slices.Concat(w.calls...) {
		words := []string{*d.MetricName}
		for _, dimension := range d.Dimensions {
			if *dimension.Name != "TenantId" {
				w.t.Errorf("a dimension %s", *dimension.Name)
			}
			words = append(words, *dimension.Value)
		}
		lines = append(lines, fmt.Sprint(strings.Join(words, " "), " ", *d.Value))
	}
	return lines
}

func (w *world) PutMetricAlarm(_ context.Context, in *cloudwatch.PutMetricAlarmInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricAlarmOutput, error) {
	w.changed++
	w.alarms[*in.AlarmName] = types.MetricAlarm{
		AlarmName: in.AlarmName, AlarmDescription: in.AlarmDescription, Namespace: in.Namespace, MetricName: in.MetricName,
		Dimensions: in.Dimensions, Statistic: in.Statistic, Period: in.Period, EvaluationPeriods: in.EvaluationPeriods,
		DatapointsToAlarm: in.DatapointsToAlarm, Threshold: in.Threshold, ComparisonOperator: in.ComparisonOperator,
		TreatMissingData: in.TreatMissingData, ActionsEnabled: in.ActionsEnabled, AlarmActions: in.AlarmActions,
		OKActions: []string{}, StateValue: types.StateValueInsufficientData,
	}
	return &cloudwatch.PutMetricAlarmOutput{}, nil
}

// DescribeAlarms gives pages of three.
func (w *world) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	out := &cloudwatch.DescribeAlarmsOutput{}
	for _, name := range slices.Sorted(maps.Keys(w.alarms)) {
		if name < aws.ToString(in.NextToken) || !strings.HasPrefix(name, aws.ToString(in.AlarmNamePrefix)) {
			continue
		}
		if len(out.MetricAlarms) == 3 {
			out.NextToken = aws.String(name)
			break
		}
		out.MetricAlarms = append(out.MetricAlarms, w.alarms[name])
	}
	return out, nil
}

func (w *world) DeleteAlarms(_ context.Context, in *cloudwatch.DeleteAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DeleteAlarmsOutput, error) {
	if len(in.AlarmNames) > 100 {
		w.t.Errorf("%d alarms to delete in one call", len(in.AlarmNames))
	}
	for _, name := range in.AlarmNames {
		delete(w.alarms, name)
	}
	return &cloudwatch.DeleteAlarmsOutput{}, nil
}

func (w *world) Take(_ context.Context, tenantID, execution string) (tenant.Verdict, error) {
	w.asked = append(w.asked, tenantID)
	if !strings.HasPrefix(execution, "arn:aws:states:us-east-1:123456789012:execution:vps-recovery:"+tenantID+"-") {
		w.t.Errorf("the execution for %s is %s", tenantID, execution)
	}
	switch v := w.verdicts[tenantID]; v {
	case "":
		return tenant.Granted, nil
	case "nobody":
		return "", fault.TenantUnknown.Tellf("%s", tenantID)
	default:
		return v, nil
	}
}

func (w *world) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	name := *in.Name
	if len(name) > 80 || strings.ContainsAny(name, ": ") || *in.StateMachineArn != machine && *in.StateMachineArn != settler {
		w.t.Errorf("%q of %s", name, *in.StateMachineArn)
	}
	switch {
	case w.down != nil:
		return nil, w.down
	case w.started[name] != "":
		return nil, &sfntypes.ExecutionAlreadyExists{}
	}
	w.started[name] = *in.Input
	return &sfn.StartExecutionOutput{}, nil
}

func (w *world) Running(_ context.Context, execution string) (bool, error) {
	return w.running[execution], nil
}

func (w *world) RecoveryNotStarted(_ context.Context, n notice.NotStarted) error {
	w.told = append(w.told, n)
	return w.mute
}

// wants fails the test unless err carries the fault.
func wants(t *testing.T, err error, name fault.Name) {
	t.Helper()
	if !fault.Is(err, name) {
		t.Errorf("got %v, want %s", err, name)
	}
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
