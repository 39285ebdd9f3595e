package contract

import (
	"slices"
	"strings"
	"testing"
)

// namespace is that of the product's own metrics.
const namespace = "PenguinMails/DR"

type alarm struct {
	AlarmName, AlarmDescription                  string
	Namespace, MetricName, Statistic             string
	Dimensions                                   []struct{ Name, Value string }
	Period, EvaluationPeriods, DatapointsToAlarm int
	Threshold                                    float64
	ComparisonOperator, TreatMissingData         string
	AlarmActions                                 []string
}

// ringsAtFirst reports whether one count of the metric within a minute rings, and silence does not.
func (a alarm) ringsAtFirst() bool {
	return a.Statistic == "Sum" && a.Period == 60 && a.EvaluationPeriods == 1 && a.Threshold == 1 &&
		a.ComparisonOperator == "GreaterThanOrEqualToThreshold" && a.TreatMissingData == "notBreaching"
}

// of reports whether the alarm watches the metric, with this one dimension or none.
func (a alarm) of(namespace, metric, dimension, value string) bool {
	if a.Namespace != namespace || a.MetricName != metric {
		return false
	}
	if dimension == "" {
		return len(a.Dimensions) == 0
	}
	return len(a.Dimensions) == 1 && a.Dimensions[0].Name == dimension && a.Dimensions[0].Value == value
}

func hasAlarm(t *testing.T, fits func(alarm) bool) bool {
	t.Helper()
	for _, a := range ofType[alarm](t, readTemplate(t), "AWS::CloudWatch::Alarm") {
		if fits(a) {
			return true
		}
	}
	return false
}

// Whoever is woken reads what happened and the next thing to do; an alarm's name fits the topic policy, which admits
// "pmdr-*" alone.
func TestAlarmsReachPeopleAndSayWhatIsNext(t *testing.T) {
	for id, a := range ofType[alarm](t, readTemplate(t), "AWS::CloudWatch::Alarm") {
		if !slices.Contains(a.AlarmActions, "${OperationsTopic}") {
			t.Errorf("%s rings nowhere: %v", id, a.AlarmActions)
		}
		if !strings.Contains(a.AlarmDescription, "Next, ") {
			t.Errorf("%s does not say what is next: %q", id, a.AlarmDescription)
		}
		if !strings.HasPrefix(a.AlarmName, "pmdr-") {
			t.Errorf("%s is named %q, which the topic does not admit", id, a.AlarmName)
		}
	}
	for _, g := range grants(t, readTemplate(t)) {
		if g.Owner == "OperationsTopicPolicy" && slices.Contains(g.Principal["Service"], "cloudwatch.amazonaws.com") {
			const alarms = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:pmdr-*"
			if got := g.Condition["ArnLike"]["aws:SourceArn"]; got != alarms {
				t.Errorf("the topic admits alarms %v", got)
			}
			return
		}
	}
	t.Error("OperationsTopic admits no alarm")
}

// A machine that timed out ran no Catch: only its alarm tells.
func TestEveryMachineHasItsAlarms(t *testing.T) {
	for _, runbook := range runbooks(t) {
		for _, metric := range []string{"ExecutionsFailed", "ExecutionsTimedOut"} {
			if !hasAlarm(t, func(a alarm) bool {
				return a.of("AWS/States", metric, "StateMachineArn", "${"+title(runbook)+"StateMachine}") && a.ringsAtFirst()
			}) {
				t.Errorf("no alarm rings for %s of %s", metric, runbook)
			}
		}
	}
}

// The recovery point objective is 24 hours: an hour later without a verified backup the alarm rings, also when nothing
// runs at all. It counts what CountVerifiedBackup of vault-backup counts.
func TestABackupThatIsMissingRings(t *testing.T) {
	count := parameters(t, readMachine(t, "vault-backup").States["CountVerifiedBackup"])
	data, _ := count["MetricData"].([]any)
	if count["Namespace"] != namespace || len(data) != 1 {
		t.Fatalf("CountVerifiedBackup counts %v", count)
	}
	datum, _ := data[0].(map[string]any)
	metric, _ := datum["MetricName"].(string)
	if datum["Value"] != 1.0 || datum["Dimensions"] != nil {
		t.Errorf("CountVerifiedBackup counts %v", datum)
	}
	if !hasAlarm(t, func(a alarm) bool {
		return a.of(namespace, metric, "", "") && a.Statistic == "Sum" && a.ComparisonOperator == "LessThanThreshold" &&
			a.Threshold == 1 && a.Period == 3600 && a.EvaluationPeriods == 25 && a.DatapointsToAlarm == 25 && a.TreatMissingData == "breaching"
	}) {
		t.Errorf("no alarm rings after 25 hours without %s", metric)
	}
}

func TestMachinesLogWithoutTheirDataAndAreTraced(t *testing.T) {
	for id, m := range ofType[stateMachine](t, readTemplate(t), "AWS::Serverless::StateMachine") {
		l := m.Logging
		if l.Level != "ALL" || len(l.Destinations) != 1 ||
			l.Destinations[0].CloudWatchLogsLogGroup.LogGroupArn != "${"+title(m.Name)+"Logs.Arn}" {
			t.Errorf("%s logs %+v", id, l)
		}
		if l.IncludeExecutionData == nil || *l.IncludeExecutionData {
			t.Errorf("%s logs what the states hand over", id)
		}
		if !m.Tracing.Enabled {
			t.Errorf("%s is not traced", id)
		}
	}
}

func TestLogsAreKeptForAWhile(t *testing.T) {
	for id, l := range ofType[logGroup](t, readTemplate(t), "AWS::Logs::LogGroup") {
		if l.RetentionInDays < 30 || l.RetentionInDays > 400 {
			t.Errorf("%s is kept %d days", id, l.RetentionInDays)
		}
	}
}
