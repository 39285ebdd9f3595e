// Package notice tells people what the runbooks did: plain text over SNS that says what happened, what was measured, and
// the one thing to do next. Only named facts get into a text, one line each: no secret, and no line that another system
// made up.
package notice

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/awsfault"
)

// Notice is one message to one topic. Type, severity and tenant are also message attributes, for filter policies.
type Notice struct {
	Topic    string // ARN
	Type     string // the event's name
	Severity audit.Severity
	TenantID string // empty where no tenant is concerned; then there is no attribute
	Subject  string // see subject
	Message  string // plain text; its last line is "Next: …"
}

// Publisher is what a desk needs of SNS; *sns.Client fits.
type Publisher interface {
	Publish(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// publish sends n and gives SNS's message id. Faults: AWSUnavailable, AWSRefused.
func publish(ctx context.Context, p Publisher, n Notice) (string, error) {
	attributes := map[string]types.MessageAttributeValue{"type": attribute(n.Type), "severity": attribute(string(n.Severity))}
	if n.TenantID != "" {
		attributes["tenant_id"] = attribute(n.TenantID)
	}
	out, err := p.Publish(ctx, &sns.PublishInput{
		TopicArn:          &n.Topic,
		Subject:           aws.String(subject(n.Subject)),
		Message:           &n.Message,
		MessageAttributes: attributes,
	})
	if err != nil {
		return "", awsfault.From(err, "publish %s", n.Type)
	}
	return aws.ToString(out.MessageId), nil
}

func attribute(s string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &s}
}

// longestSubject is what SNS takes: "less than 100 characters", no line breaks or control characters (Publish, Subject).
const longestSubject = 99

// subject makes any text a subject: printable ASCII, white space as single spaces, every other character a "?", cut to
// the length that SNS takes. It begins with a letter or a punctuation mark because every subject here does.
func subject(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.Join(strings.Fields(text), " "))
	return text[:min(len(text), longestSubject)]
}
