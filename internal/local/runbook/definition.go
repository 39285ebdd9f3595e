package runbook

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
)

// Definition is a state machine as it is deployed; field names here and below are those of the Amazon States Language.
type Definition struct {
	StartAt string
	States  map[string]State
}

// State is one state of a Definition, as far as its reader has to know where it leads.
type State struct {
	Type, Resource, Next, Default string

	Parameters map[string]any
	Result     any
	ResultPath any // a path, or nil
	Retry      []Retrier
	Catch      []Catcher
	Choices    []Choice
}

// Retrier says which errors are tried again, and how often.
type Retrier struct {
	ErrorEquals []string
	MaxAttempts int
}

// Catcher says where errors lead.
type Catcher struct {
	ErrorEquals []string
	Next        string
}

// Choice is one branch of a Choice state.
type Choice struct {
	Variable     string
	StringEquals *string
	Next         string
}

// Definition is the state machine's, as it is deployed.
func (d Desk) Definition(ctx context.Context, machineARN string) (Definition, error) {
	out, err := d.States.DescribeStateMachine(ctx, &sfn.DescribeStateMachineInput{StateMachineArn: &machineARN})
	if err != nil {
		return Definition{}, fmt.Errorf("definition of %s: %w", machineARN, err)
	}
	return parse(machineARN, aws.ToString(out.Definition))
}

func parse(of, text string) (d Definition, err error) {
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return d, fmt.Errorf("definition of %s: %w", of, err)
	}
	return d, nil
}

// Function is the name of the function that the state calls; empty for one that calls none.
func (s State) Function() string {
	_, name, _ := strings.Cut(s.Resource, ":function:")
	return name
}

// Caught is where an error leads that is not tried again any more; empty where nothing catches it.
func (s State) Caught(name string) string {
	for _, c := range s.Catch {
		if matches(c.ErrorEquals, name) {
			return c.Next
		}
	}
	return ""
}

// Retries is how often the state is tried again after an error.
func (s State) Retries(name string) int {
	for _, r := range s.Retry {
		if matches(r.ErrorEquals, name) {
			return r.MaxAttempts
		}
	}
	return 0
}

func matches(named []string, name string) bool {
	return slices.Contains(named, name) || slices.Contains(named, "States.ALL")
}

// Tasks are the states that do something, by name.
func (d Definition) Tasks() map[string]State {
	tasks := map[string]State{}
	for name, s := range d.States {
		if s.Type == "Task" {
			tasks[name] = s
		}
	}
	return tasks
}
