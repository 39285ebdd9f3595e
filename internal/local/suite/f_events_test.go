//go:build platform

package suite

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/go-cmp/cmp"
)

// apart are the functions that no machine calls.
var apart = []string{"approve-restore", "probe-platform", "register-tenant", "set-automation", "start-recovery", "sweep-credentials", "sweep-tenants"}

var update = flag.Bool("update", false, "record events/<step>.json anew from this run")

// The files in events/ are what the state machines really hand to their functions: each has the very fields, of the
// very kinds, that one of the runs had, for a run has only the fields that its start was given. `sam remote invoke` takes
// them as they are.
func TestRecordedEventsAreWhatTheMachinesSend(t *testing.T) {
	sent := map[string][]any{}
	for _, machine := range []string{"VaultBackupArn", "VaultRestoreArn", "VpsRecoveryArn", "CredentialRotationArn", "CredentialCompromiseArn", "ReconcileAfterRestoreArn", "BackstopArn"} {
		collect(t, w.Outputs[machine], sent)
	}
	for step, payloads := range sent {
		file := filepath.Join("..", "..", "..", "events", step+".json")
		recorded, err := os.ReadFile(file)
		if err == nil && among(t, recorded, payloads) {
			continue
		}
		if !*update {
			t.Errorf("events/%s.json is not what is sent; record it with -update: %v (-recorded +sent):\n%s", step, err, cmp.Diff(shape(parsed(t, recorded)), shape(payloads[0])))
			continue
		}
		text, err := json.MarshalIndent(payloads[0], "", "  ")
		if err == nil {
			err = os.WriteFile(file, append(text, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	folders, err := os.ReadDir(filepath.Join("..", "..", "..", "functions"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		if sent[f.Name()] == nil && !slices.Contains(apart, f.Name()) {
			t.Errorf("%s did not run in this suite", f.Name())
		}
	}
}

// among reports whether the recorded payload has the shape of one of those that were sent.
func among(t *testing.T, recorded []byte, payloads []any) bool {
	t.Helper()
	want := shape(parsed(t, recorded))
	return slices.ContainsFunc(payloads, func(payload any) bool { return slices.Equal(shape(payload), want) })
}

func parsed(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); len(text) > 0 && err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// collect finds, for every step, the payloads of the state that is named as the step, those of the latest run first.
func collect(t *testing.T, machineARN string, sent map[string][]any) {
	t.Helper()
	described, err := w.desk.States.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{StateMachineArn: aws.String(machineARN)})
	if err != nil {
		t.Fatal(err)
	}
	var definition struct {
		States map[string]struct {
			Resource   string
			Parameters map[string]any
		}
	}
	if err := json.Unmarshal([]byte(aws.ToString(described.Definition)), &definition); err != nil {
		t.Fatal(err)
	}
	out, err := w.desk.States.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(machineARN)})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range out.Executions {
		events, err := w.desk.Events(t.Context(), aws.ToString(e.ExecutionArn))
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range events {
			entered := event.StateEnteredEventDetails
			if entered == nil {
				continue
			}
			name := aws.ToString(entered.Name)
			state := definition.States[name]
			step, ok := strings.CutPrefix(state.Resource[strings.LastIndexByte(state.Resource, ':')+1:], "pmdr-")
			if !ok || strings.ReplaceAll(step, "-", "") != strings.ToLower(name) {
				continue
			}
			var input any
			if err := json.Unmarshal([]byte(aws.ToString(entered.Input)), &input); err != nil {
				t.Fatal(err)
			}
			context := map[string]any{
				"Execution": map[string]any{"Id": aws.ToString(e.ExecutionArn), "StartTime": e.StartDate.UTC().Format("2006-01-02T15:04:05.000Z")},
				"State":     map[string]any{"Name": name},
			}
			sent[step] = append(sent[step], fill(t, state.Parameters, input, context))
		}
	}
}

// fill does what Step Functions does with Parameters: "name.$" takes its value from the input or the context object.
func fill(t *testing.T, template any, input, context any) any {
	t.Helper()
	object, ok := template.(map[string]any)
	if !ok {
		return template
	}
	filled := map[string]any{}
	for name, value := range object {
		field, isPath := strings.CutSuffix(name, ".$")
		if !isPath {
			filled[name] = fill(t, value, input, context)
			continue
		}
		path, from := fmt.Sprint(value), input
		if rest, ok := strings.CutPrefix(path, "$$"); ok {
			path, from = "$"+rest, context
		}
		for _, key := range strings.Split(path, ".")[1:] {
			from = from.(map[string]any)[key]
		}
		filled[field] = from
	}
	return filled
}

// shape lists the fields of a JSON value with their kinds; of a list the first element stands for all.
func shape(v any) []string {
	var lines []string
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, field := range v {
				walk(path+"."+name, field)
			}
		case []any:
			if len(v) > 0 {
				walk(path+"[]", v[0])
			}
		default:
			lines = append(lines, fmt.Sprintf("%s %T", path, v))
		}
	}
	walk("$", v)
	sort.Strings(lines)
	return lines
}
