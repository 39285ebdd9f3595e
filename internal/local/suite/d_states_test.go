//go:build platform

package suite

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// way is an ordinary way through a machine. Where a state cannot be reached on the others, the machine needs one more.
type way struct {
	name    string
	machine string // the stack's output that names it
	// prepare makes the world as it is where this way is taken, and gives the input. The run is going to fail at that
	// state; "" means that it is going to succeed.
	prepare func(t *testing.T, failing string) (input string)
	// well asserts the world after a run that came to its ordinary end, and clears up.
	well func(*testing.T, runbook.Result)
	// broken asserts the world after a run that failed, and heals it.
	broken func(*testing.T, runbook.Result)
	// over, if there is one, leaves the world as the next way needs it.
	over func(*testing.T)
	// alter changes what a state's function answers, where the world cannot be made so.
	alter map[string]func([]byte) []byte
	// everyHarm strikes each state for good by every harm, and not by one of them in turn.
	everyHarm bool
}

// cell is a field of the table.
type cell struct {
	machine, state string
	harm           harm
}

// table is what was struck: once, after which the run goes on as if nothing had been; and for good, in every attempt.
type table struct {
	*striker
	machines map[string]runbook.Definition // by output

	mu         sync.Mutex
	once, good map[cell]bool
	expected   []expectation
}

// pairs are the harms that a run strikes each state by, one after the other: in each of them the step acts once before it
// is heard.
var pairs = [][]harm{{killedBefore, ranOut}, {turnedBack, killedAfter}}

// Every Task state of every machine that is deployed is killed before it acts and after, runs out of time and is throttled.
// Once, and the run comes to its ordinary end. For good, and it comes to the end that its definition says. A state that no
// way leads to makes this fail.
func TestEveryStateMeetsEveryFault(t *testing.T) {
	tbl := newTable(t)
	pace(t, hurried)
	t.Cleanup(func() { pace(t, 1) })
	begun := time.Now()
	// Ways of one group share a world; the groups have nothing in common.
	t.Run("together", func(t *testing.T) {
		for name, ways := range map[string][]way{
			"servers":   serverWays(t),
			"passwords": slices.Concat(passwordWays(t), joiningWays(t)),
			"backups":   slices.Concat(backupWays(t), plannedBackupWays(t), backstopWays(t)),
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tbl.walk(t, ways)
			})
		}
	})
	t.Run("alone", func(t *testing.T) { tbl.walk(t, slices.Concat(restoreWays(t), liveRestoreWays(t), reconcileWays(t))) })
	tbl.check(t)
	tbl.report(t, time.Since(begun))
}

func newTable(t *testing.T) *table {
	t.Helper()
	tbl := &table{machines: map[string]runbook.Definition{}, once: map[cell]bool{}, good: map[cell]bool{}}
	var functions []string
	for output, value := range w.Outputs {
		if !strings.Contains(value, ":stateMachine:") {
			continue
		}
		definition, err := w.desk.Definition(t.Context(), value)
		if err != nil {
			t.Fatal(err)
		}
		tbl.machines[output] = definition
		functions = append(functions, functionsOf(t, output)...)
	}
	slices.Sort(functions)
	tbl.striker = newStriker(t, slices.Compact(functions))
	return tbl
}

// functionsOf are the functions that a machine calls.
func functionsOf(t *testing.T, machine string) []string {
	t.Helper()
	definition, err := w.desk.Definition(t.Context(), w.Outputs[machine])
	if err != nil {
		t.Fatal(err)
	}
	var functions []string
	for _, s := range definition.Tasks() {
		if function := s.Function(); function != "" {
			functions = append(functions, function)
		}
	}
	slices.Sort(functions)
	return slices.Compact(functions)
}

func (tbl *table) walk(t *testing.T, ways []way) {
	for _, wy := range ways {
		t.Run(wy.name, func(t *testing.T) { tbl.play(t, wy) })
	}
}

// play goes one way as often as there is something on it that was not struck yet.
func (tbl *table) play(t *testing.T, wy way) {
	var path []string
	for _, pair := range pairs {
		t.Run(fmt.Sprint("once ", pair), func(t *testing.T) {
			r := tbl.run(t, wy, "", nil, pair)
			wy.well(t, r)
			path = tbl.tasksOn(wy, r.Path)
		})
	}
	tails := map[string][]string{} // what follows when a state fails
	for _, state := range path {
		for _, h := range tbl.missing(wy, state) {
			t.Run(fmt.Sprint(state, " for good ", h), func(t *testing.T) {
				r := tbl.run(t, wy, state, map[string]harm{state: h}, nil)
				wy.broken(t, r)
				if at := slices.Index(r.Path, state); at >= 0 {
					tails[state] = tbl.tasksOn(wy, r.Path[at+1:])
				}
			})
		}
	}
	for _, first := range path {
		tbl.fall(t, wy, first, tails[first])
	}
	if wy.over != nil {
		wy.over(t)
	}
}

// fall strikes what runs only after a state has failed.
func (tbl *table) fall(t *testing.T, wy way, first string, tail []string) {
	for _, pair := range pairs {
		if !slices.ContainsFunc(tail, func(state string) bool { return len(tbl.due(wy, pair)(state)) > 0 }) {
			continue
		}
		t.Run(fmt.Sprint("after ", first, " once ", pair), func(t *testing.T) {
			wy.broken(t, tbl.run(t, wy, first, map[string]harm{first: turnedBack}, pair))
		})
	}
	for _, state := range tail {
		for _, h := range tbl.missing(wy, state) {
			t.Run(fmt.Sprint("after ", first, " ", state, " for good ", h), func(t *testing.T) {
				wy.broken(t, tbl.run(t, wy, first, map[string]harm{first: turnedBack, state: h}, nil))
			})
		}
	}
}

// tasksOn are the Task states of a path, each once.
func (tbl *table) tasksOn(wy way, path []string) (tasks []string) {
	for _, state := range path {
		if tbl.machines[wy.machine].States[state].Type == "Task" && !slices.Contains(tasks, state) {
			tasks = append(tasks, state)
		}
	}
	return tasks
}

// due are the harms of a pair that have not struck a state once yet. A state without Retry is not struck once: it fails.
func (tbl *table) due(wy way, pair []harm) func(string) []harm {
	return func(state string) (due []harm) {
		tbl.mu.Lock()
		defer tbl.mu.Unlock()
		for _, h := range pair {
			if len(tbl.machines[wy.machine].States[state].Retry) > 0 && !tbl.once[cell{wy.machine, state, h}] {
				due = append(due, h)
			}
		}
		return due
	}
}

// missing are the harms that are still to strike a state for good.
func (tbl *table) missing(wy way, state string) (missing []harm) {
	tbl.mu.Lock()
	defer tbl.mu.Unlock()
	for _, h := range tbl.turns(wy, state) {
		if !tbl.good[cell{wy.machine, state, h}] {
			missing = append(missing, h)
		}
	}
	return missing
}

// turns are the harms that strike a state for good: all of them where the way is short or the state is not tried again,
// otherwise the one whose turn it is in the order of names.
func (tbl *table) turns(wy way, state string) []harm {
	definition := tbl.machines[wy.machine]
	if wy.everyHarm || len(definition.States[state].Retry) == 0 {
		return harms
	}
	at := slices.Index(slices.Sorted(maps.Keys(definition.Tasks())), state)
	return harms[at%len(harms):][:1]
}

// run starts the way's machine, strikes it, and judges how it went. First is the state that is going to fail first, if one
// is.
func (tbl *table) run(t *testing.T, wy way, first string, good map[string]harm, pair []harm) runbook.Result {
	t.Helper()
	input := wy.prepare(t, first)
	machine, name := w.Outputs[wy.machine], uuid.NewString()
	execution := strings.Replace(machine, ":stateMachine:", ":execution:", 1) + ":" + name
	a := &assault{good: good, due: tbl.due(wy, pair), alter: wy.alter}
	tbl.on(execution, a)
	_, err := w.desk.States.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &machine, Name: &name, Input: &input})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := w.desk.Wait(ctx, execution)
	if err != nil {
		t.Fatal(err)
	}
	tbl.judge(t, wy, r, a)
	return r
}

// judge holds a run against its machine's definition and against what struck it.
func (tbl *table) judge(t *testing.T, wy way, r runbook.Result, a *assault) {
	t.Helper()
	definition := tbl.machines[wy.machine]
	if problem := designed(definition, r, a.good); problem != "" {
		t.Errorf("%s\n%s", problem, w.desk.Explain(context.WithoutCancel(t.Context()), r))
	}
	for state := range a.good {
		if len(a.struck[state]) == 0 {
			t.Errorf("%s was not reached", state)
		}
	}
	tbl.mu.Lock()
	defer tbl.mu.Unlock()
	for state, struck := range a.struck {
		s := definition.States[state]
		want := make([]string, len(struck))
		for i, h := range struck {
			want[i] = h.of(s.Function() != "")
		}
		if got := errorsOf(r, state); !slices.Equal(got, want) {
			t.Errorf("%s failed with %v, it was struck with %v", state, got, want)
		}
		h, forGood := a.good[state]
		if attempts := 1 + s.Retries(h.of(s.Function() != "")); forGood && len(struck) != attempts {
			t.Errorf("%s was tried %d times, want %d", state, len(struck), attempts)
		}
		for _, h := range struck {
			if forGood {
				tbl.good[cell{wy.machine, state, h}] = true
			} else {
				tbl.once[cell{wy.machine, state, h}] = true
			}
		}
	}
	tbl.expected = append(tbl.expected, expectations(t.Name(), definition, r, a.good)...)
}

// errorsOf are those of a state's failed attempts.
func errorsOf(r runbook.Result, state string) (names []string) {
	for _, f := range r.Failures {
		if f.State == state {
			names = append(names, f.Error)
		}
	}
	return names
}
