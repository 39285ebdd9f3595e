package notice

import (
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

func TestRotationAhead(t *testing.T) {
	p := &topic{}
	tenants := Tenants{SNS: p, Topic: "arn:aws:sns:eu-central-1:123456789012:tenants"}
	due := time.Date(2027, 5, 23, 16, 0, 0, 0, time.FixedZone("CEST", 7200))
	if err := tenants.RotationAhead(t.Context(), "acme", due); err != nil {
		t.Fatal(err)
	}
	in := p.sent[0]
	if *in.TopicArn != tenants.Topic {
		t.Errorf("it went to %s", *in.TopicArn)
	}
	for name, want := range map[string]string{"type": "credential_rotation_ahead", "severity": "info", "tenant_id": "acme"} {
		if got := aws.ToString(in.MessageAttributes[name].StringValue); got != want {
			t.Errorf("attribute %s is %q, want %q", name, got, want)
		}
	}
	golden(t, "tenants/credential_rotation_ahead", "Subject: "+*in.Subject+"\n\n"+*in.Message)
	p.fail = errors.New("no words")
	if err := tenants.RotationAhead(t.Context(), "acme", due); !fault.Is(err, fault.Unexpected) {
		t.Errorf("got %v", err)
	}
}
