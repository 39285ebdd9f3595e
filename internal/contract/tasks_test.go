package contract

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// unrepeatable are the steps whose effect must not happen twice.
var unrepeatable = []string{"restore-snapshot", "seed-vault"}

// lambdaErrors are the errors of the Lambda service and of a runtime that died, as Step Functions names them. States that
// call a function retry them by AWS's own advice ("Handle transient Lambda service exceptions").
var lambdaErrors = []string{
	"Lambda.AWSLambdaException", "Lambda.ClientExecutionTimeoutException", "Lambda.SdkClientException",
	"Lambda.ServiceException", "Lambda.TooManyRequestsException", "Lambda.Unknown", "Runtime.ExitError",
	"Sandbox.Timedout",
}

// A Task that ends before its function does leaves the old copy at work beside its successor.
func TestTasksOutliveTheirFunctions(t *testing.T) {
	tm := readTemplate(t)
	eachMachine(t, func(t *testing.T, m machine) {
		if m.TimeoutSeconds == 0 || m.Comment == "" {
			t.Error("the machine has no time-out or no comment")
		}
		m.eachTask(func(name string, s state) {
			if s.Comment == "" {
				t.Errorf("%s does not say what it does to the world", name)
			}
			if s.TimeoutSeconds == 0 {
				t.Errorf("%s has no time-out", name)
			}
			if step := s.step(); step != "" {
				runs := cmp.Or(properties[function](t, tm, title(step)+"Function").Timeout, tm.Globals.Function.Timeout)
				if s.TimeoutSeconds <= runs {
					t.Errorf("%s waits %d s for a function that may run %d s", name, s.TimeoutSeconds, runs)
				}
			}
		})
	})
}

var (
	indentation = regexp.MustCompile(`(?m)^\s+`)
	errorList   = regexp.MustCompile(`(?s)\[\s*"[A-Z][^\]]*\]`)
)

// There is one Retry block. It is copied because the language knows no reference; so the copies must be equal. A state
// that calls an AWS service itself has the same block for every error: which ones pass is the service's secret.
func TestTheRetryBlockIsTheSameEverywhere(t *testing.T) {
	want := slices.Clone(lambdaErrors)
	for _, name := range fault.Retryable() {
		want = append(want, string(name))
	}
	slices.Sort(want)
	text := ""
	eachMachine(t, func(t *testing.T, m machine) {
		m.eachTask(func(name string, s state) {
			if slices.Contains(unrepeatable, s.step()) {
				if len(s.Retry) > 0 {
					t.Errorf("%s is retried: its effect must not be repeated", name)
				}
				return
			}
			all := s.retriers(t)
			if len(all) != 1 {
				t.Fatalf("%s has %d retriers", name, len(all))
			}
			block := indentation.ReplaceAllString(string(s.Retry), "")
			want := want
			if s.step() == "" {
				want = []string{"States.ALL"}
				block = strings.Replace(block, `["States.ALL"]`, errorList.FindString(text), 1)
			}
			if text == "" {
				text = block
			}
			if block != text {
				t.Errorf("%s has a Retry block of its own:\n%s", name, s.Retry)
			}
			if got := slices.Sorted(slices.Values(all[0].ErrorEquals)); !slices.Equal(got, want) {
				t.Errorf("%s retries %v, not %v", name, got, want)
			}
			if r := all[0]; r.MaxAttempts < 1 || r.BackoffRate <= 1 || r.MaxDelaySeconds == 0 || r.JitterStrategy != "FULL" {
				t.Errorf("%s retries without pause, bound or jitter: %+v", name, r)
			}
		})
	})
}

// Whatever a step may fail with leads somewhere, and a Catch names only what its step can fail with.
func TestEveryFailureIsCaught(t *testing.T) {
	eachMachine(t, func(t *testing.T, m machine) {
		m.eachTask(func(name string, s state) {
			if len(s.Catch) == 0 || !slices.Equal(s.Catch[len(s.Catch)-1].ErrorEquals, []string{"States.ALL"}) {
				t.Errorf("%s: the last Catch is not for States.ALL alone", name)
				return
			}
			var can []string
			if step := s.step(); step != "" {
				can = canFailWith(t, step)
			}
			for _, c := range s.Catch[:len(s.Catch)-1] {
				for _, caught := range c.ErrorEquals {
					switch {
					case slices.Contains(lambdaErrors, caught), caught == "States.Timeout":
					case !slices.Contains(fault.Names(), fault.Name(caught)):
						t.Errorf("%s catches %s, which is no fault", name, caught)
					case !slices.Contains(can, caught):
						t.Errorf("%s catches %s, which nothing in it returns", name, caught)
					}
				}
			}
		})
	})
}

// A fault that nothing returns is one that operators learn for nothing.
func TestEveryFaultCanHappen(t *testing.T) {
	var happen []string
	for _, step := range steps(t) {
		happen = append(happen, canFailWith(t, step)...)
	}
	eachMachine(t, func(t *testing.T, m machine) {
		for _, s := range m.States {
			happen = append(happen, passedFault(t, s)...)
		}
	})
	for _, name := range fault.Names() {
		if !slices.Contains(happen, string(name)) {
			t.Errorf("no step and no state machine ever says %s", name)
		}
	}
}

// passedFault is the fault that a Pass state makes for the failure path, which must be one that operators know.
func passedFault(t *testing.T, s state) []string {
	t.Helper()
	if s.Type != "Pass" || string(s.ResultPath) != `"$.fault"` {
		return nil
	}
	var made struct{ Error, Cause string }
	convert(t, s.Result, &made)
	name := fault.Name(made.Error)
	if !slices.Contains(fault.Names(), name) {
		t.Errorf("a state says %q, which is no fault", made.Error)
	} else if !strings.HasPrefix(name.Meaning(), made.Cause) || made.Cause == "" {
		t.Errorf("a state explains %s as %q, the list as %q", name, made.Cause, name.Meaning())
	}
	return []string{made.Error}
}

// canFailWith are the faults named in the code that a function is made of: more than it can return, never less.
func canFailWith(t *testing.T, step string) []string {
	t.Helper()
	can := []string{string(fault.Unexpected)}
	for _, folder := range withImports(t, "functions/"+step) {
		if folder != "internal/fault" {
			can = append(can, faultsNamed(readSource(t, folder))...)
		}
	}
	return can
}
