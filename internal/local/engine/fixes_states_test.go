//go:build platform

package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/uuid"
)

func (a *account) machine(ctx context.Context, definition string) (arn string, err error) {
	created, err := sfn.NewFromConfig(a.config).CreateStateMachine(ctx, &sfn.CreateStateMachineInput{
		Name: aws.String(uuid.NewString()), Definition: &definition, RoleArn: &a.roleArn})
	if err != nil {
		return "", err
	}
	return *created.StateMachineArn, nil
}

// execute runs a new state machine to its end.
func (a *account) execute(ctx context.Context, definition, input string) (*sfn.DescribeExecutionOutput, error) {
	machine, err := a.machine(ctx, definition)
	if err != nil {
		return nil, err
	}
	started, err := sfn.NewFromConfig(a.config).StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &machine, Input: &input})
	if err != nil {
		return nil, err
	}
	return a.end(ctx, *started.ExecutionArn)
}

func (a *account) end(ctx context.Context, execution string) (ended *sfn.DescribeExecutionOutput, err error) {
	err = eventually(ctx, "the execution ends", func() (bool, error) {
		ended, err = sfn.NewFromConfig(a.config).DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &execution})
		return err == nil && ended.Status != types.ExecutionStatusRunning, err
	})
	return ended, err
}

// outcome is a run and how it has to end: with a status, and an error name or a part of the output.
type outcome struct{ name, definition, input, status, text string }

func (a *account) compare(ctx context.Context, outcomes []outcome) (difference string, err error) {
	for _, o := range outcomes {
		got, err := a.execute(ctx, o.definition, o.input)
		if err != nil {
			return "", fmt.Errorf("%s: %w", o.name, err)
		}
		if text := aws.ToString(got.Error) + aws.ToString(got.Output); string(got.Status) != o.status || !strings.Contains(text, o.text) {
			return fmt.Sprintf("%s: ended %s %.200s, want %s %s", o.name, got.Status, text, o.status, o.text), nil
		}
	}
	return "", nil
}

func TestMissingPath(t *testing.T) {
	pass := `{"StartAt":"P","States":{"P":{"Type":"Pass",%s,"End":true}}}`
	choice := `{"StartAt":"C","States":{"C":{"Type":"Choice","Choices":[{%s,"Next":"Yes"}],"Default":"No"},
		"Yes":{"Type":"Pass","Result":"yes","End":true},"No":{"Type":"Pass","Result":"no","End":true}}}`
	restores(t, func(ctx context.Context, a *account) (string, error) {
		return a.compare(ctx, []outcome{
			{"parameter", fmt.Sprintf(pass, `"Parameters":{"a.$":"$.none"}`), `{}`, "FAILED", "States.Runtime"},
			{"input path", fmt.Sprintf(pass, `"InputPath":"$.none"`), `{}`, "FAILED", "States.Runtime"},
			{"index", fmt.Sprintf(pass, `"OutputPath":"$.a[1]"`), `{"a":[0]}`, "FAILED", "States.Runtime"},
			{"context", fmt.Sprintf(pass, `"Parameters":{"a.$":"$$.Execution.None"}`), `{}`, "FAILED", "States.Runtime"},
			{"compared", fmt.Sprintf(choice, `"Variable":"$.none","StringEquals":"a"`), `{}`, "FAILED", "States.Runtime"},
			{"present", fmt.Sprintf(choice, `"Variable":"$.a.b","IsPresent":true`), `{"a":{"b":1}}`, "SUCCEEDED", "yes"},
			{"present as null", fmt.Sprintf(choice, `"Variable":"$.a","IsPresent":true`), `{"a":null}`, "SUCCEEDED", "yes"},
			{"absent", fmt.Sprintf(choice, `"Variable":"$.a.b","IsPresent":true`), `{"a":{}}`, "SUCCEEDED", "no"},
			{"guarded", fmt.Sprintf(choice, `"And":[{"Variable":"$.a","IsPresent":true},{"Variable":"$.a","StringEquals":"a"}]`),
				`{}`, "SUCCEEDED", "no"},
			{"filter", fmt.Sprintf(pass, `"Parameters":{"a.$":"$.l[?(@.n > 1)].n"}`),
				`{"l":[{"n":1},{"n":2},{"n":3}]}`, "SUCCEEDED", "[2, 3]"},
		})
	})
}

func TestUncatchable(t *testing.T) {
	parallel := `{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"F","States":{"F":{"Type":"Fail",%s}}}],
		"Catch":[{"ErrorEquals":["%s"],"Next":"Caught"}],"End":true},"Caught":{"Type":"Pass","Result":"caught","End":true}}}`
	runtime := `"ErrorPath":"$.number"` // not a string: States.Runtime
	limit := `"Error":"States.DataLimitExceeded"`
	restores(t, func(ctx context.Context, a *account) (string, error) {
		return a.compare(ctx, []outcome{
			{"all", fmt.Sprintf(parallel, runtime, "States.ALL"), `{"number":1}`, "FAILED", "States.Runtime"},
			{"task failed", fmt.Sprintf(parallel, runtime, "States.TaskFailed"), `{"number":1}`, "FAILED", "States.Runtime"},
			{"limit by all", fmt.Sprintf(parallel, limit, "States.ALL"), `{}`, "FAILED", "States.DataLimitExceeded"},
			{"limit by name", fmt.Sprintf(parallel, limit, "States.DataLimitExceeded"), `{}`, "SUCCEEDED", "caught"},
			{"any other", fmt.Sprintf(parallel, `"Error":"VaultSealed"`, "States.ALL"), `{}`, "SUCCEEDED", "caught"},
		})
	})
}

func TestDataLimit(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		task := `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"` + a.function + `","ResultSelector":{"done":true},"End":true}}}`
		half := `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"` + a.function + `","End":true}}}`
		twice := `{"StartAt":"M","States":{"M":{"Type":"Map","ItemProcessor":` + half + `,"End":true}}}`
		return a.compare(ctx, []outcome{
			{"within", task, `{"Bytes":262000}`, "SUCCEEDED", "done"},
			{"task", task, `{"Bytes":263000}`, "FAILED", "States.DataLimitExceeded"},
			{"map", twice, `[{"Bytes":140000},{"Bytes":140000}]`, "FAILED", "States.DataLimitExceeded"},
		})
	})
}

func TestMachineTimeout(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		queue, err := sqs.NewFromConfig(a.config).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(uuid.NewString())})
		if err != nil {
			return "", err
		}
		// Wait, then leave a message: as a branch, because the engine looks after branches separately.
		late := func(timeout string) string {
			return `{` + timeout + `"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"W","States":{
				"W":{"Type":"Wait","Seconds":2,"Next":"T"},
				"T":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","End":true,
					"Parameters":{"QueueUrl":"` + *queue.QueueUrl + `","MessageBody.$":"$.by"}}}}]}}}`
		}
		timed, err := a.machine(ctx, late(`"TimeoutSeconds":1,`))
		if err != nil {
			return "", err
		}
		started, err := sfn.NewFromConfig(a.config).StartExecution(ctx, &sfn.StartExecutionInput{
			StateMachineArn: &timed, Input: aws.String(`{"by":"timed"}`)})
		if err != nil {
			return "", err
		}
		// The same without a limit and begun later: when it is through, the first one's task is overdue.
		if _, err := a.execute(ctx, late(""), `{"by":"free"}`); err != nil {
			return "", err
		}
		ended, err := a.end(ctx, *started.ExecutionArn)
		if err != nil {
			return "", err
		}
		if ended.Status != types.ExecutionStatusTimedOut {
			return fmt.Sprintf("ended %s, want TIMED_OUT", ended.Status), nil
		}
		messages, err := sqs.NewFromConfig(a.config).ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: queue.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			return "", err
		}
		if n := len(messages.Messages); n != 1 {
			return fmt.Sprintf("%d messages, want only that of the machine without a limit", n), nil
		}
		return "", nil
	})
}

func TestIdempotentStart(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		machine, err := a.machine(ctx, `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}}`)
		if err != nil {
			return "", err
		}
		client := sfn.NewFromConfig(a.config)
		start := func(input string) (*sfn.StartExecutionOutput, error) {
			return client.StartExecution(ctx, &sfn.StartExecutionInput{
				StateMachineArn: &machine, Name: aws.String("once"), Input: &input})
		}
		var exists *types.ExecutionAlreadyExists
		var invalid *types.InvalidExecutionInput

		raw := `{"a":1,  "a":2}`
		first, err := start(raw)
		if err != nil {
			return "", err
		}
		again, err := start(raw)
		if errors.As(err, &exists) {
			return "a second start with the same input is refused", nil
		} else if err != nil {
			return "", err
		}
		if *again.ExecutionArn != *first.ExecutionArn || !again.StartDate.Equal(*first.StartDate) {
			return "a second start with the same input is another execution", nil
		}
		if _, err := start(`{}`); !errors.As(err, &exists) {
			return fmt.Sprintf("a second start with another input: %v", err), nil
		}
		if _, err := start(`{"a":`); !errors.As(err, &invalid) {
			return fmt.Sprintf("a start with an input that is not JSON: %v", err), nil
		}
		described, err := client.DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: first.ExecutionArn})
		if err != nil {
			return "", err
		}
		if *described.Input != raw {
			return fmt.Sprintf("the input became %s", *described.Input), nil
		}
		if _, err := client.StopExecution(ctx, &sfn.StopExecutionInput{ExecutionArn: first.ExecutionArn}); err != nil {
			return "", err
		}
		if _, err := start(raw); !errors.As(err, &exists) {
			return fmt.Sprintf("a start with the name of a closed execution: %v", err), nil
		}
		return "", nil
	})
}

func TestStatesMetrics(t *testing.T) {
	machine := `{"TimeoutSeconds":1,"StartAt":"C","States":{
		"C":{"Type":"Choice","Default":"W","Choices":[
			{"Variable":"$.end","StringEquals":"succeed","Next":"S"},{"Variable":"$.end","StringEquals":"fail","Next":"F"}]},
		"S":{"Type":"Succeed"},"F":{"Type":"Fail","Error":"E"},"W":{"Type":"Wait","Seconds":3,"End":true}}}`
	restores(t, func(ctx context.Context, a *account) (string, error) {
		arn, err := a.machine(ctx, machine)
		if err != nil {
			return "", err
		}
		client := sfn.NewFromConfig(a.config)
		for _, end := range []string{"succeed", "fail", "time out", "abort"} {
			started, err := client.StartExecution(ctx, &sfn.StartExecutionInput{StateMachineArn: &arn, Input: aws.String(`{"end":"` + end + `"}`)})
			if err != nil {
				return "", err
			}
			if end == "abort" {
				if _, err := client.StopExecution(ctx, &sfn.StopExecutionInput{ExecutionArn: started.ExecutionArn}); err != nil {
					return "", err
				}
			}
			if _, err := a.end(ctx, *started.ExecutionArn); err != nil {
				return "", err
			}
		}
		want := map[string]float64{"ExecutionsStarted": 4,
			"ExecutionsSucceeded": 1, "ExecutionsFailed": 1, "ExecutionsTimedOut": 1, "ExecutionsAborted": 1}
		for metric, want := range want {
			statistics, err := cloudwatch.NewFromConfig(a.config).GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
				Namespace: aws.String("AWS/States"), MetricName: &metric,
				Dimensions: []cwtypes.Dimension{{Name: aws.String("StateMachineArn"), Value: &arn}},
				StartTime:  aws.Time(time.Now().Add(-time.Hour)), EndTime: aws.Time(time.Now().Add(time.Hour)),
				Period: aws.Int32(7200), Statistics: []cwtypes.Statistic{cwtypes.StatisticSum},
			})
			if err != nil {
				return "", err
			}
			var sum float64
			for _, point := range statistics.Datapoints {
				sum += *point.Sum
			}
			if sum != want {
				return fmt.Sprintf("%s is %v, want %v", metric, sum, want), nil
			}
		}
		return "", nil
	})
}
