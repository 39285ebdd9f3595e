//go:build platform

package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"
)

// A watch is one alarm on one dimension of a namespace of its own.
type watch struct {
	account *account
	name    string // of the alarm and of the namespace
}

func (a *account) watch(ctx context.Context, change func(*cloudwatch.PutMetricAlarmInput)) (watch, error) {
	w := watch{a, uuid.NewString()}
	alarm := &cloudwatch.PutMetricAlarmInput{
		AlarmName: &w.name, Namespace: &w.name, MetricName: aws.String("Failures"), Dimensions: dimension("ours"),
		Statistic: types.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1),
		Threshold: aws.Float64(1), ComparisonOperator: types.ComparisonOperatorGreaterThanOrEqualToThreshold,
	}
	change(alarm)
	_, err := cloudwatch.NewFromConfig(a.config).PutMetricAlarm(ctx, alarm)
	return w, err
}

func dimension(value string) []types.Dimension {
	return []types.Dimension{{Name: aws.String("Runbook"), Value: &value}}
}

func (w watch) put(ctx context.Context, dimensions []types.Dimension, value float64, age time.Duration) error {
	_, err := cloudwatch.NewFromConfig(w.account.config).PutMetricData(ctx, &cloudwatch.PutMetricDataInput{
		Namespace: &w.name, MetricData: []types.MetricDatum{{MetricName: aws.String("Failures"), Dimensions: dimensions,
			Value: &value, Timestamp: aws.Time(time.Now().Add(-age))}}})
	return err
}

func (w watch) state(ctx context.Context) (types.StateValue, error) {
	described, err := cloudwatch.NewFromConfig(w.account.config).DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{w.name}})
	if err != nil {
		return "", err
	}
	return described.MetricAlarms[0].StateValue, nil
}

// settles gives the alarm five seconds, fifty ticks, to reach a state.
func (w watch) settles(ctx context.Context, what string, want types.StateValue) (difference string, err error) {
	var got types.StateValue
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if got, err = w.state(ctx); err != nil || got == want {
			return "", err
		}
	}
	return fmt.Sprintf("%s: the alarm stays %s, want %s", what, got, want), nil
}

func TestAlarmMissingData(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		for treatment, want := range map[string]types.StateValue{
			"breaching": types.StateValueAlarm, "notBreaching": types.StateValueOk, "missing": types.StateValueInsufficientData,
		} {
			w, err := a.watch(ctx, func(alarm *cloudwatch.PutMetricAlarmInput) { alarm.TreatMissingData = &treatment })
			if err != nil {
				return "", err
			}
			if difference, err := w.settles(ctx, "no data, "+treatment, want); difference != "" || err != nil {
				return difference, err
			}
		}
		// The daily backup's alarm: hourly periods, one datum a day, silence is alarming.
		daily, err := a.watch(ctx, func(alarm *cloudwatch.PutMetricAlarmInput) {
			alarm.Period, alarm.EvaluationPeriods = aws.Int32(3600), aws.Int32(25)
			alarm.ComparisonOperator, alarm.TreatMissingData = types.ComparisonOperatorLessThanThreshold, aws.String("breaching")
		})
		if err != nil {
			return "", err
		}
		if difference, err := daily.settles(ctx, "no backup", types.StateValueAlarm); difference != "" || err != nil {
			return difference, err
		}
		if err := daily.put(ctx, dimension("ours"), 1, 24*time.Hour); err != nil {
			return "", err
		}
		return daily.settles(ctx, "a backup yesterday", types.StateValueOk)
	})
}

func TestAlarmDimensions(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		w, err := a.watch(ctx, func(alarm *cloudwatch.PutMetricAlarmInput) { alarm.TreatMissingData = aws.String("notBreaching") })
		if err != nil {
			return "", err
		}
		for _, dimensions := range [][]types.Dimension{dimension("another"), nil} {
			if err := w.put(ctx, dimensions, 5, 0); err != nil {
				return "", err
			}
		}
		// A datum is looked at when it is put, so that the alarm would be in ALARM by the next answer.
		if state, err := w.state(ctx); err != nil || state == types.StateValueAlarm {
			return "ALARM by data of other dimensions", err
		}
		if err := w.put(ctx, dimension("ours"), 1, 0); err != nil {
			return "", err
		}
		return w.settles(ctx, "a failure", types.StateValueAlarm)
	})
}

func TestAlarmPeriods(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		w, err := a.watch(ctx, func(alarm *cloudwatch.PutMetricAlarmInput) {
			alarm.EvaluationPeriods, alarm.DatapointsToAlarm, alarm.TreatMissingData = aws.Int32(3), aws.Int32(2), aws.String("notBreaching")
		})
		if err != nil {
			return "", err
		}
		if err := w.put(ctx, dimension("ours"), 9, 0); err != nil {
			return "", err
		}
		if difference, err := w.settles(ctx, "one of three periods", types.StateValueOk); difference != "" || err != nil {
			return difference, err
		}
		if err := w.put(ctx, dimension("ours"), 1, 90*time.Second); err != nil {
			return "", err
		}
		return w.settles(ctx, "two of three periods", types.StateValueAlarm)
	})
}

// An alarm changes, and says so, because time passes: nobody puts a datum or an alarm here after the first one.
func TestAlarmTick(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		topic, queue, err := a.notices(ctx)
		if err != nil {
			return "", err
		}
		w, err := a.watch(ctx, func(alarm *cloudwatch.PutMetricAlarmInput) {
			alarm.Period, alarm.TreatMissingData = aws.Int32(10), aws.String("notBreaching")
			alarm.OKActions = []string{topic}
		})
		if err != nil {
			return "", err
		}
		if err := w.put(ctx, dimension("ours"), 1, 8*time.Second); err != nil {
			return "", err
		}
		if state, err := w.state(ctx); err != nil || state != types.StateValueAlarm {
			return fmt.Sprintf("%s after a failure", state), err
		}
		if difference, err := w.settles(ctx, "after the period", types.StateValueOk); difference != "" || err != nil {
			return difference, err
		}
		received, err := sqs.NewFromConfig(a.config).ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queue, WaitTimeSeconds: 20, MaxNumberOfMessages: 10})
		if err != nil {
			return "", err
		}
		if len(received.Messages) == 0 || !strings.Contains(*received.Messages[0].Body, w.name) {
			return "no notice of the change", nil
		}
		return "", nil
	})
}

// notices makes a topic and a queue that gets what is published there.
func (a *account) notices(ctx context.Context) (topicARN, queueURL string, err error) {
	topic, err := sns.NewFromConfig(a.config).CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String(uuid.NewString())})
	if err != nil {
		return "", "", err
	}
	name := uuid.NewString()
	queueARN := "arn:aws:sqs:" + Region + ":" + AccountID + ":" + name
	queue, err := sqs.NewFromConfig(a.config).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{
		"Policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},
			"Action":"sqs:SendMessage","Resource":"` + queueARN + `"}]}`}})
	if err != nil {
		return "", "", err
	}
	_, err = sns.NewFromConfig(a.config).Subscribe(ctx, &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: &queueARN})
	return *topic.TopicArn, *queue.QueueUrl, err
}
