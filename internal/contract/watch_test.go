package contract

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/watch"
)

// serverAlarms are the alarms on the tenants' servers, which the template does not hold: they follow the registry.
var serverAlarms = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:" + watch.AlarmName("*")

// The watch and the template speak of the same metrics. Silence rings: of the probe, and of the sweep.
func TestAWatchThatSleepsRings(t *testing.T) {
	if watch.Namespace != namespace {
		t.Errorf("the watch puts its metrics into %s", watch.Namespace)
	}
	for metric, fits := range map[string]func(alarm) bool{
		watch.ProbeHeartbeat: func(a alarm) bool {
			return a.Period == 60 && a.EvaluationPeriods == 5 && a.Threshold == 1 && a.ComparisonOperator == "LessThanThreshold" && a.TreatMissingData == "breaching"
		},
		watch.VaultUsable: func(a alarm) bool {
			return a.Period == 60 && a.EvaluationPeriods == 3 && a.Threshold == 1 && a.ComparisonOperator == "LessThanThreshold" && a.TreatMissingData == "ignore"
		},
		watch.ServersWaiting: func(a alarm) bool {
			return a.Period*a.EvaluationPeriods == 15*60 && a.Threshold == 1 && a.ComparisonOperator == "GreaterThanOrEqualToThreshold" && a.TreatMissingData == "breaching"
		},
	} {
		if !hasAlarm(t, func(a alarm) bool {
			return a.of(namespace, metric, "", "") && a.DatapointsToAlarm == a.EvaluationPeriods && fits(a)
		}) {
			t.Errorf("no alarm watches %s as it should", metric)
		}
	}
}

// What the rules send is what the functions take; and what comes too late does not come at all, for the next round does.
func TestTheRoundsOfTheWatch(t *testing.T) {
	tm := readTemplate(t)
	at := time.Date(2026, 11, 24, 6, 5, 0, 0, time.UTC).Format(time.RFC3339)
	rounds := 0
	for id, r := range ofType[rule](t, tm, "AWS::Events::Rule") {
		if !r.invokes() {
			continue
		}
		rounds++
		target := r.Targets[0]
		step := kebab(strings.TrimSuffix(strings.TrimPrefix(target.Arn, "${"), "Function.Arn}"))
		sent := target.Input
		if transformed := target.InputTransformer; transformed.InputTemplate != "" {
			if len(transformed.InputPathsMap) != 1 || transformed.InputPathsMap["time"] != "$.time" {
				t.Errorf("%s takes %v from its event", id, transformed.InputPathsMap)
			}
			sent = strings.ReplaceAll(transformed.InputTemplate, "<time>", strconv.Quote(at))
		}
		if err := payloads[step].accepts([]byte(sent)); err != nil {
			t.Errorf("%s sends %s: %v", id, sent, err)
		}
		f := properties[function](t, tm, title(step)+"Function")
		if age := target.RetryPolicy.MaximumEventAgeInSeconds; age < 60 || age > 300 || f.EventInvokeConfig.MaximumEventAgeInSeconds > 300 {
			t.Errorf("%s may be invoked %d s late", step, age)
		}
	}
	if rounds != 3 {
		t.Errorf("%d rules invoke functions", rounds)
	}
	if got := properties[function](t, tm, "ProbePlatformFunction").Timeout; got >= 60 {
		t.Errorf("a probe may take %d s, and the next one comes after 60", got)
	}
	if got := properties[function](t, tm, "SweepTenantsFunction").Timeout; got >= 300 {
		t.Errorf("a sweep may take %d s, and the next one comes after 300", got)
	}
}

// permission lets a service invoke a function.
type permission struct{ FunctionName, Action, Principal, SourceArn string }

// Every rule and every topic that invokes a function is admitted by it, for itself alone; without that nothing arrives, and
// nobody hears of it.
func TestFunctionsAdmitWhoInvokesThem(t *testing.T) {
	tm := readTemplate(t)
	want := map[permission]bool{}
	for id, r := range ofType[rule](t, tm, "AWS::Events::Rule") {
		if r.invokes() {
			want[permission{r.Targets[0].Arn, "lambda:InvokeFunction", "events.amazonaws.com", "${" + id + ".Arn}"}] = true
		}
	}
	for _, s := range ofType[subscription](t, tm, "AWS::SNS::Subscription") {
		if s.Protocol == "lambda" {
			want[permission{s.Endpoint, "lambda:InvokeFunction", "sns.amazonaws.com", s.TopicArn}] = true
		}
	}
	for id, p := range ofType[permission](t, tm, "AWS::Lambda::Permission") {
		if !want[p] {
			t.Errorf("%s admits who does not invoke: %+v", id, p)
		}
		delete(want, p)
	}
	for p := range want {
		t.Errorf("%s is not admitted: %+v", p.SourceArn, p)
	}
}

type subscription struct {
	Protocol, TopicArn, Endpoint string
	RedrivePolicy                struct{ DeadLetterTargetArn string }
}

// A server's alarm reaches StartRecovery, or rings: what SNS cannot deliver and what the function fails at is kept in the
// queue whose alarm TestUndeliveredStartsRing knows.
func TestAServersAlarmIsNotLost(t *testing.T) {
	const queue, starts = "${UndeliveredStarts.Arn}", "${StartRecoveryFunction.Arn}"
	tm := readTemplate(t)
	if topic := properties[struct{ TopicName, KmsMasterKeyId string }](t, tm, "ServerAlarmsTopic"); topic.KmsMasterKeyId != "${PlatformKey}" {
		t.Errorf("the topic is encrypted with %q", topic.KmsMasterKeyId)
	}
	s := properties[subscription](t, tm, "ServerAlarms")
	if s.Protocol != "lambda" || s.TopicArn != "${ServerAlarmsTopic}" || s.Endpoint != starts || s.RedrivePolicy.DeadLetterTargetArn != queue {
		t.Errorf("the subscription is %+v", s)
	}
	invoked := properties[function](t, tm, "StartRecoveryFunction").EventInvokeConfig
	if failed := invoked.DestinationConfig.OnFailure; failed.Type != "SQS" || failed.Destination != queue || invoked.MaximumRetryAttempts == 0 {
		t.Errorf("what StartRecovery fails at: %+v", invoked)
	}
	all := grants(t, tm)
	if got := holders(all, is("sqs:SendMessage"), is(queue)); !slices.Equal(got, []string{"StartRecoveryRole", "UndeliveredStartsPolicy"}) {
		t.Errorf("into the queue may send %v", got)
	}
	admitted := map[string]bool{}
	for _, g := range all {
		switch {
		case g.Owner == "UndeliveredStartsPolicy" && slices.Contains(g.Principal["Service"], "sns.amazonaws.com"):
			admitted["topic"] = g.Condition["ArnEquals"]["aws:SourceArn"] == s.TopicArn
		case g.Owner == "ServerAlarmsTopicPolicy":
			admitted["alarms"] = slices.Contains(g.Principal["Service"], "cloudwatch.amazonaws.com") &&
				g.Condition["ArnLike"]["aws:SourceArn"] == serverAlarms && g.Condition["StringEquals"]["aws:SourceAccount"] == "${AWS::AccountId}"
		}
	}
	if !admitted["topic"] || !admitted["alarms"] {
		t.Errorf("admitted are %v", admitted)
	}
}
