// Package inbox is the mailbox of operators and security team on the local platform: queues subscribed to the topics.
package inbox

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Mail is one notice as it was delivered.
type Mail struct {
	Subject string
	Message string
	// Attributes are the SNS message attributes by name: type, severity, tenant_id.
	Attributes map[string]string
}

// Inbox receives what is published to one topic.
type Inbox struct {
	queues *sqs.Client
	url    string
}

// Subscribe makes a queue of that name and subscribes it to the topic.
func Subscribe(ctx context.Context, cfg aws.Config, topicARN, name string) (Inbox, error) {
	queues := sqs.NewFromConfig(cfg)
	made, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name)})
	if err != nil {
		return Inbox{}, fmt.Errorf("inbox %s: %w", name, err)
	}
	attributes, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: made.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return Inbox{}, fmt.Errorf("inbox %s: %w", name, err)
	}
	arn := attributes.Attributes["QueueArn"]
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},`+
		`"Action":"sqs:SendMessage","Resource":%q,"Condition":{"ArnEquals":{"aws:SourceArn":%q}}}]}`, arn, topicARN)
	if _, err := queues.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{
		QueueUrl: made.QueueUrl, Attributes: map[string]string{"Policy": policy},
	}); err != nil {
		return Inbox{}, fmt.Errorf("inbox %s: %w", name, err)
	}
	if _, err := sns.NewFromConfig(cfg).Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: aws.String(topicARN), Protocol: aws.String("sqs"), Endpoint: aws.String(arn),
	}); err != nil {
		return Inbox{}, fmt.Errorf("inbox %s: %w", name, err)
	}
	return Inbox{queues, aws.ToString(made.QueueUrl)}, nil
}

// Next takes the mails that are there, waiting up to a few seconds for the first.
func (i Inbox) Next(ctx context.Context) ([]Mail, error) {
	out, err := i.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(i.url), MaxNumberOfMessages: 10, WaitTimeSeconds: 5,
	})
	if err != nil {
		return nil, fmt.Errorf("read the inbox: %w", err)
	}
	var mails []Mail
	for _, m := range out.Messages {
		var envelope struct {
			Subject, Message  string
			MessageAttributes map[string]struct{ Value string }
		}
		if err := json.Unmarshal([]byte(aws.ToString(m.Body)), &envelope); err != nil {
			return nil, fmt.Errorf("read the inbox: %w", err)
		}
		mail := Mail{Subject: envelope.Subject, Message: envelope.Message, Attributes: map[string]string{}}
		for name, a := range envelope.MessageAttributes {
			mail.Attributes[name] = a.Value
		}
		mails = append(mails, mail)
		if _, err := i.queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{
			QueueUrl: aws.String(i.url), ReceiptHandle: m.ReceiptHandle,
		}); err != nil {
			return nil, fmt.Errorf("read the inbox: %w", err)
		}
	}
	return mails, nil
}
