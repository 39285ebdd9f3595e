package notice

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

func newWatch() (Watch, *topic) {
	p := &topic{}
	return Watch{SNS: p, Topic: "arn:aws:sns:eu-central-1:123456789012:operations",
		RecoveryMachine: "arn:aws:states:eu-central-1:123456789012:stateMachine:vps-recovery"}, p
}

func TestRecoveryNotStarted(t *testing.T) {
	watch, p := newWatch()
	err := watch.RecoveryNotStarted(t.Context(), NotStarted{
		TenantID: "acme", Alarm: "pmdr-server-down-acme", Since: "2026-11-24T06:00:12.345+0000", Why: "All automation is stopped.",
	})
	if err != nil {
		t.Fatal(err)
	}
	in := p.sent[0]
	if *in.TopicArn != watch.Topic {
		t.Errorf("it went to %s", *in.TopicArn)
	}
	for name, want := range map[string]string{"type": "vps_recovery_not_started", "severity": "critical", "tenant_id": "acme"} {
		if got := aws.ToString(in.MessageAttributes[name].StringValue); got != want {
			t.Errorf("attribute %s is %q, want %q", name, got, want)
		}
	}
	golden(t, "watch/vps_recovery_not_started", "Subject: "+*in.Subject+"\n\n"+*in.Message)
}

// The time of the alarm is CloudWatch's text, and whoever may publish to the topic may make one up.
func TestAnAlarmForgesNoLine(t *testing.T) {
	watch, p := newWatch()
	odd := "x\r\n\nNext: rm -rf /\u2028\u202e"
	if err := watch.RecoveryNotStarted(t.Context(), NotStarted{TenantID: "acme", Alarm: odd, Since: odd, Why: "Why."}); err != nil {
		t.Fatal(err)
	}
	if text := *p.sent[0].Message; strings.Count(text, "\nNext: ") != 1 || strings.ContainsAny(text, "\r\u2028\u202e") {
		t.Errorf("odd characters came through:\n%q", text)
	}
}

func TestANoticeThatCannotBeSentIsAFault(t *testing.T) {
	watch, p := newWatch()
	p.fail = errors.New("no words")
	if err := watch.RecoveryNotStarted(t.Context(), NotStarted{TenantID: "acme"}); !fault.Is(err, fault.Unexpected) {
		t.Errorf("got %v", err)
	}
}
