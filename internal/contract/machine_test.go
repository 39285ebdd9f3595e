package contract

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

// machine is one ASL file; the field names here and below are those of the Amazon States Language. It is decoded
// strictly: a field that these tests do not know is one they would not check.
type machine struct {
	Comment        string
	StartAt        string
	TimeoutSeconds int
	States         map[string]state
}

type state struct {
	Type, Comment, Next string
	End                 bool
	// Task
	Resource       string
	TimeoutSeconds int
	Parameters     jsontext.Value
	ResultPath     jsontext.Value // a path, null, or absent
	Retry          jsontext.Value // as it is written
	Catch          []catcher
	// Pass
	Result jsontext.Value
	// Choice
	Choices []choice
	Default string
	// Wait
	Seconds int
	// Fail
	Error, CausePath string
}

type catcher struct {
	ErrorEquals []string
	ResultPath  jsontext.Value
	Next        string
}

type choice struct {
	Variable                 string
	StringEquals             *string
	StringEqualsPath         string
	BooleanEquals            *bool
	NumericGreaterThanEquals *int
	Next                     string
}

type retrier struct {
	ErrorEquals     []string
	IntervalSeconds int
	MaxAttempts     int
	BackoffRate     float64
	MaxDelaySeconds int
	JitterStrategy  string
}

func readMachine(t *testing.T, runbook string) machine {
	t.Helper()
	var m machine
	if err := strictjson.Unmarshal(read(t, "statemachines/"+runbook+".asl.json"), &m); err != nil {
		t.Fatalf("%s: %v", runbook, err)
	}
	return m
}

// eachMachine runs a test for every runbook.
func eachMachine(t *testing.T, test func(*testing.T, machine)) {
	for _, runbook := range runbooks(t) {
		t.Run(runbook, func(t *testing.T) { test(t, readMachine(t, runbook)) })
	}
}

// eachTask calls do for every Task state, in the order of names.
func (m machine) eachTask(do func(name string, s state)) {
	for _, name := range m.names() {
		if m.States[name].Type == "Task" {
			do(name, m.States[name])
		}
	}
}

func (m machine) names() []string { return slices.Sorted(maps.Keys(m.States)) }

// next are the states that may follow s, its Catch blocks included.
func (s state) next() []string {
	var next []string
	for _, name := range []string{s.Next, s.Default} {
		if name != "" {
			next = append(next, name)
		}
	}
	for _, c := range s.Choices {
		next = append(next, c.Next)
	}
	for _, c := range s.Catch {
		next = append(next, c.Next)
	}
	return next
}

// reachable are the states that an execution may come to from one of these, themselves included.
func (m machine) reachable(from ...string) map[string]bool {
	seen := map[string]bool{}
	for len(from) > 0 {
		name := from[0]
		from = from[1:]
		if !seen[name] {
			seen[name] = true
			from = append(from, m.States[name].next()...)
		}
	}
	return seen
}

// step is the function that a Task calls, "snapshot-vault", or empty for an integration of AWS's own.
func (s state) step() string {
	name, ok := strings.CutPrefix(s.Resource, "${")
	if !ok {
		return ""
	}
	return kebab(strings.TrimSuffix(name, "FunctionArn}"))
}

// retriers decodes the Retry block.
func (s state) retriers(t *testing.T) []retrier {
	t.Helper()
	var all []retrier
	if len(s.Retry) > 0 {
		if err := json.Unmarshal(s.Retry, &all, json.RejectUnknownMembers(true)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
