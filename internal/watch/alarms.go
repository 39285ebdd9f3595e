package watch

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
)

// CloudWatch keeps the alarms; *cloudwatch.Client fits.
type CloudWatch interface {
	PutMetricAlarm(context.Context, *cloudwatch.PutMetricAlarmInput, ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricAlarmOutput, error)
	DescribeAlarms(context.Context, *cloudwatch.DescribeAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error)
	DeleteAlarms(context.Context, *cloudwatch.DeleteAlarmsInput, ...func(*cloudwatch.Options)) (*cloudwatch.DeleteAlarmsOutput, error)
}

// AlarmConfig says when a server counts as dead, and whom its alarm tells.
type AlarmConfig struct {
	Topic   string `env:"SERVER_ALARMS_TOPIC_ARN,required"`
	Minutes int32  `env:"TENANT_ALARM_MINUTES,required"` // in a row in which the server was down
}

// Alarms are the alarms on the tenants' servers.
type Alarms struct {
	CloudWatch CloudWatch
	Config     AlarmConfig
}

// OpenAlarms prepares the alarms; it makes no call. CloudWatch takes three changes of alarms in a second: the client learns
// its pace from the first refusals.
func OpenAlarms(cfg aws.Config, c AlarmConfig) Alarms {
	return Alarms{Config: c, CloudWatch: cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) {
		o.Retryer = retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) {
			o.StandardOptions = append(o.StandardOptions, func(o *retry.StandardOptions) { o.MaxAttempts = 8 })
		})
	})}
}

// Put puts the alarm on a tenant's server as it should be; the state of one that is there stays. Faults: AWSUnavailable,
// AWSRefused.
func (a Alarms) Put(ctx context.Context, tenantID string) error {
	wanted := a.wanted(tenantID)
	_, err := a.CloudWatch.PutMetricAlarm(ctx, &wanted)
	return awsfault.From(err, "put %s", *wanted.AlarmName)
}

// wanted is the alarm on a tenant's server. Missing data change nothing: a probe that does not come is not a server that
// died, and has an alarm of its own.
func (a Alarms) wanted(tenantID string) cloudwatch.PutMetricAlarmInput {
	return cloudwatch.PutMetricAlarmInput{
		AlarmName: aws.String(AlarmName(tenantID)),
		AlarmDescription: aws.String(fmt.Sprintf(
			"The mail server of %s is down. StartRecovery starts vps-recovery, or tells the operators why it does not.", tenantID)),
		Namespace: aws.String(Namespace), MetricName: aws.String(ServerDown), Dimensions: []types.Dimension{ofTenant(tenantID)},
		Statistic: types.StatisticMaximum, Period: aws.Int32(60),
		EvaluationPeriods: &a.Config.Minutes, DatapointsToAlarm: &a.Config.Minutes,
		Threshold: aws.Float64(1), ComparisonOperator: types.ComparisonOperatorGreaterThanOrEqualToThreshold,
		TreatMissingData: aws.String("ignore"),
		ActionsEnabled:   aws.Bool(true), AlarmActions: []string{a.Config.Topic},
	}
}

// is reports whether the alarm is the wanted one.
func is(there types.MetricAlarm, wanted cloudwatch.PutMetricAlarmInput) bool {
	return reflect.DeepEqual(wanted, cloudwatch.PutMetricAlarmInput{
		AlarmName: there.AlarmName, AlarmDescription: there.AlarmDescription,
		Namespace: there.Namespace, MetricName: there.MetricName, Dimensions: there.Dimensions,
		Statistic: there.Statistic, Period: there.Period,
		EvaluationPeriods: there.EvaluationPeriods, DatapointsToAlarm: there.DatapointsToAlarm,
		Threshold: there.Threshold, ComparisonOperator: there.ComparisonOperator, TreatMissingData: there.TreatMissingData,
		ActionsEnabled: there.ActionsEnabled, AlarmActions: there.AlarmActions,
	})
}

// list gives the alarms on tenants' servers, by tenant id. Faults: AWSUnavailable, AWSRefused.
func (a Alarms) list(ctx context.Context) (map[string]types.MetricAlarm, error) {
	all := map[string]types.MetricAlarm{}
	pages := cloudwatch.NewDescribeAlarmsPaginator(a.CloudWatch, &cloudwatch.DescribeAlarmsInput{
		AlarmNamePrefix: aws.String(alarmPrefix), AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm}, MaxRecords: aws.Int32(100),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awsfault.From(err, "list the alarms")
		}
		for _, alarm := range page.MetricAlarms {
			id, err := tenantOf(aws.ToString(alarm.AlarmName))
			if err != nil {
				return nil, err
			}
			all[id] = alarm
		}
	}
	return all, nil
}

// mostDeleted is how many alarms DeleteAlarms takes in one call.
const mostDeleted = 100

// delete deletes the alarms of tenants. Faults: AWSUnavailable, AWSRefused.
func (a Alarms) delete(ctx context.Context, tenantIDs []string) error {
	var names []string
	for _, id := range tenantIDs {
		names = append(names, AlarmName(id))
	}
	for part := range slices.Chunk(names, mostDeleted) {
		if _, err := a.CloudWatch.DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: part}); err != nil {
			return awsfault.From(err, "delete %d alarms", len(part))
		}
	}
	return nil
}
