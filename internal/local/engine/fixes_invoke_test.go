//go:build platform

package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/google/uuid"
)

// admit lets a service invoke the function for one source.
func (a *account) admit(ctx context.Context, service, source string) error {
	_, err := lambda.NewFromConfig(a.config).AddPermission(ctx, &lambda.AddPermissionInput{
		FunctionName: &a.function, StatementId: aws.String(uuid.NewString()), Action: aws.String("lambda:InvokeFunction"),
		Principal: &service, SourceArn: &source,
	})
	return err
}

// ready is an event that leaves a file in dir.
func ready(dir string) string {
	text, err := json.Marshal(map[string]string{"Ready": dir})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// arrived reports whether the function was invoked with ready(dir).
func arrived(dir string) func() (bool, error) {
	return func() (bool, error) {
		files, err := os.ReadDir(dir)
		return len(files) > 0, err
	}
}

// Both tests first send to where the function does not admit the service, then three times, one after the other, to where
// it does: what was sent before them has arrived by then, if it arrives at all.

func TestInvokePermissionOfTopics(t *testing.T) {
	stranger := map[*account]string{fixed: t.TempDir(), stock: t.TempDir()}
	known := map[*account][]string{fixed: {t.TempDir(), t.TempDir(), t.TempDir()}, stock: {t.TempDir(), t.TempDir(), t.TempDir()}}
	restores(t, func(ctx context.Context, a *account) (string, error) {
		topics := sns.NewFromConfig(a.config)
		subscribed := func() (string, error) {
			topic, err := topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String(uuid.NewString())})
			if err != nil {
				return "", err
			}
			_, err = topics.Subscribe(ctx, &sns.SubscribeInput{TopicArn: topic.TopicArn, Protocol: aws.String("lambda"), Endpoint: &a.function})
			return *topic.TopicArn, err
		}
		refused, err := subscribed()
		if err != nil {
			return "", err
		}
		admitted, err := subscribed()
		if err != nil {
			return "", err
		}
		if err := a.admit(ctx, "sns.amazonaws.com", admitted); err != nil {
			return "", err
		}
		if _, err := topics.Publish(ctx, &sns.PublishInput{TopicArn: &refused, Message: aws.String(ready(stranger[a]))}); err != nil {
			return "", err
		}
		for _, dir := range known[a] {
			if _, err := topics.Publish(ctx, &sns.PublishInput{TopicArn: &admitted, Message: aws.String(ready(dir))}); err != nil {
				return "", err
			}
			if err := eventually(ctx, "the function is invoked by its topic", arrived(dir)); err != nil {
				return "", err
			}
		}
		return uninvited(stranger[a])
	})
}

func TestInvokePermissionOfRules(t *testing.T) {
	stranger := map[*account]string{fixed: t.TempDir(), stock: t.TempDir()}
	known := map[*account]string{fixed: t.TempDir(), stock: t.TempDir()}
	restores(t, func(ctx context.Context, a *account) (string, error) {
		machine, err := a.machine(ctx, `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`)
		if err != nil {
			return "", err
		}
		rule := func(dir string) string {
			return fmt.Sprintf(`{"Type":"AWS::Events::Rule","Properties":{
				"EventPattern":{"source":["aws.states"],"detail":{"stateMachineArn":[%q],"status":["SUCCEEDED"]}},
				"Targets":[{"Id":"function","Arn":%q,"Input":%q}]}}`, machine, a.function, ready(dir))
		}
		name := "rules-" + uuid.NewString()
		stacks := cloudformation.NewFromConfig(a.config)
		_, err = stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &name, TemplateBody: aws.String(fmt.Sprintf(
			`{"Resources":{"Refused":%s,"Admitted":%s,"Permission":{"Type":"AWS::Lambda::Permission","Properties":{
				"FunctionName":%q,"Action":"lambda:InvokeFunction","Principal":"events.amazonaws.com",
				"SourceArn":{"Fn::GetAtt":["Admitted","Arn"]}}}}}`, rule(stranger[a]), rule(known[a]), a.function))})
		if err != nil {
			return "", err
		}
		err = eventually(ctx, "the stack is there", func() (bool, error) {
			out, err := stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
			return err == nil && out.Stacks[0].StackStatus == "CREATE_COMPLETE", err
		})
		if err != nil {
			return "", err
		}
		for range 3 {
			started, err := sfn.NewFromConfig(a.config).StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &machine})
			if err != nil {
				return "", err
			}
			if _, err := a.end(ctx, *started.ExecutionArn); err != nil {
				return "", err
			}
			if err := eventually(ctx, "the function is invoked by its rule", arrived(known[a])); err != nil {
				return "", err
			}
		}
		return uninvited(stranger[a])
	})
}

// uninvited tells whether the function was invoked by whom it does not admit.
func uninvited(dir string) (string, error) {
	if came, err := arrived(dir)(); came || err != nil {
		return "a function is invoked by whom its policy does not admit", err
	}
	return "", nil
}
