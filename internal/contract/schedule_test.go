package contract

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/backup"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

type rule struct {
	ScheduleExpression string
	Targets            []struct {
		Arn, RoleArn     string
		Input            string
		InputTransformer struct {
			InputPathsMap map[string]string
			InputTemplate string
		}
		DeadLetterConfig struct{ Arn string }
		RetryPolicy      struct{ MaximumEventAgeInSeconds, MaximumRetryAttempts int }
	}
}

// invokes reports whether the rule invokes functions, and does not start a machine.
func (r rule) invokes() bool {
	return len(r.Targets) > 0 && strings.HasSuffix(r.Targets[0].Arn, "Function.Arn}")
}

// keeps reports whether the rule does no more than put its events into the queue of undelivered starts, which rings.
func (r rule) keeps() bool {
	return len(r.Targets) == 1 && r.Targets[0].Arn == "${UndeliveredStarts.Arn}"
}

// nothing is an archive without a backup.
type nothing struct{}

func (nothing) Manifest(context.Context, archive.Slot) (archive.Signed, bool, error) {
	return archive.Signed{}, false, nil
}

// What the rule sends at 02:00 is what PlanBackup takes, and names that day's slot.
func TestTheNightlyRuleSendsWhatThePlannerTakes(t *testing.T) {
	r := properties[rule](t, readTemplate(t), "NightlyBackup")
	if r.ScheduleExpression != "${BackupSchedule}" || len(r.Targets) != 1 || r.Targets[0].Arn != "${VaultBackupStateMachine}" {
		t.Fatalf("the rule is %+v", r)
	}
	sent := r.Targets[0].InputTransformer
	if len(sent.InputPathsMap) != 1 || sent.InputPathsMap["time"] != "$.time" {
		t.Fatalf("the rule takes %v from its event", sent.InputPathsMap)
	}
	at := time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	planner := backup.Planner{Manifests: nothing{}, Now: func() time.Time { return at.Add(5 * time.Second) }}
	plan, err := planner.Plan(t.Context(), backup.PlanInput{
		// EventBridge puts a text of the event into a JSON template with its quotes.
		Input:     []byte(strings.ReplaceAll(sent.InputTemplate, "<time>", `"`+at.Format(time.RFC3339)+`"`)),
		Execution: task.Execution{ARN: "arn:aws:states:eu-central-1:123456789012:execution:vault-backup:n", StartedAt: at, State: "PlanBackup"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := archive.SlotAt(archive.Daily, at); plan.Slot != want || plan.PromoteTo != archive.SlotAt(archive.Monthly, at) {
		t.Errorf("the nightly backup goes to %s and %s, not to %s", plan.Slot, plan.PromoteTo, want)
	}
}

// A start that EventBridge cannot deliver is kept, and rings.
func TestUndeliveredStartsRing(t *testing.T) {
	tm := readTemplate(t)
	for id, r := range ofType[rule](t, tm, "AWS::Events::Rule") {
		if r.invokes() || r.keeps() {
			continue // what the watch misses rings, see TestAWatchThatSleepsRings
		}
		for _, target := range r.Targets {
			queue, ok := strings.CutSuffix(strings.TrimPrefix(target.DeadLetterConfig.Arn, "${"), ".Arn}")
			if !ok || tm.Resources[queue].Type != "AWS::SQS::Queue" {
				t.Errorf("%s: what cannot be delivered goes to %q", id, target.DeadLetterConfig.Arn)
			}
			if target.RetryPolicy.MaximumEventAgeInSeconds == 0 {
				t.Errorf("%s is delivered a day late, when the planner no longer takes it", id)
			}
			if !hasAlarm(t, func(a alarm) bool {
				return a.of("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${"+queue+".QueueName}") && a.ringsAtFirst()
			}) {
				t.Errorf("no alarm rings for %s", queue)
			}
			if !slices.ContainsFunc(grants(t, tm), func(g grant) bool {
				return g.Owner == id+"Role" && slices.Equal(g.Action, list{"states:StartExecution"}) && slices.Equal(g.Resource, list{target.Arn})
			}) || target.RoleArn != "${"+id+"Role.Arn}" {
				t.Errorf("%s may not start %s", id, target.Arn)
			}
		}
	}
}
