//go:build platform

package suite

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// invocation is where a function gets its event (GET …next) and leaves its answer (POST …/{id}/response).
const invocation = "/2018-06-01/runtime/invocation/"

// kill ends a function as the end of its sandbox does.
func kill(t *testing.T, function string) {
	if err := w.Engine.KillFunction(function); err != nil {
		t.Error(err)
	}
}

// tasks are the Task states of vps-recovery as deployed, with their functions.
func tasks(t *testing.T) map[string]string {
	t.Helper()
	described, err := w.desk.States.DescribeStateMachine(t.Context(), &sfn.DescribeStateMachineInput{
		StateMachineArn: aws.String(w.Outputs["VpsRecoveryArn"]),
	})
	if err != nil {
		t.Fatal(err)
	}
	var machine struct {
		States map[string]struct{ Type, Resource string }
	}
	if err := json.Unmarshal([]byte(aws.ToString(described.Definition)), &machine); err != nil {
		t.Fatal(err)
	}
	functions := map[string]string{}
	for name, s := range machine.States {
		if s.Type == "Task" {
			functions[name] = s.Resource[strings.LastIndexByte(s.Resource, ':')+1:]
		}
	}
	return functions
}

// moment is when a function is killed.
type moment int

const (
	// beforeItsEffect: it runs, and its event has not reached it.
	beforeItsEffect moment = iota
	// afterItsEffect: it has done everything, and its answer has not left.
	afterItsEffect
)

// killer kills the function of every state once at each of its moments. It stands between the functions and the Runtime
// API: there, and only there, a function's beginning and end can be seen from outside.
type killer struct {
	t       *testing.T
	tasks   map[string]string
	moments []moment

	mu     sync.Mutex
	states map[string]string          // by invocation
	killed map[moment]map[string]bool // states, by moment
}

// newKiller is at work until the test ends. Functions wait for their events long before they get them: those that wait
// already are ended, so that all come by here, and in the end those that wait here.
func newKiller(t *testing.T, moments ...moment) *killer {
	t.Helper()
	k := &killer{t: t, tasks: tasks(t), moments: moments, states: map[string]string{}, killed: map[moment]map[string]bool{}}
	for _, m := range moments {
		k.killed[m] = map[string]bool{}
	}
	endAll := func() {
		for _, function := range k.tasks {
			_ = w.Engine.KillFunction(function) // one that has not run has nothing to end
		}
	}
	t.Cleanup(endAll)
	strike(t, w.Faults.Runtime, faults.Rule{Path: invocation, Strikes: []faults.Strike{k.strike}})
	endAll()
	return k
}

func (k *killer) strike(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			k.event(w, r, next)
			return
		}
		k.answer(w, r, next)
	})
}

// event passes a function its event, or kills it.
func (k *killer) event(w http.ResponseWriter, r *http.Request, next http.Handler) {
	got := httptest.NewRecorder()
	next.ServeHTTP(got, r) // it waits here until there is an event
	header := got.Result().Header
	function := header.Get("Lambda-Runtime-Invoked-Function-Arn")
	function = function[strings.LastIndexByte(function, ':')+1:]
	if slices.Contains(slices.Collect(maps.Values(k.tasks)), function) {
		if state := k.entered(); k.tasks[state] == function { // else another machine is at work
			k.mu.Lock()
			k.states[header.Get("Lambda-Runtime-Aws-Request-Id")] = state
			k.mu.Unlock()
			if k.due(beforeItsEffect, state) {
				kill(k.t, function)
				panic(http.ErrAbortHandler)
			}
		}
	}
	for name, values := range header {
		w.Header()[name] = values
	}
	w.WriteHeader(got.Code)
	_, _ = w.Write(got.Body.Bytes())
}

// answer passes a function's answer on, or kills it.
func (k *killer) answer(w http.ResponseWriter, r *http.Request, next http.Handler) {
	request, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, invocation), "/")
	k.mu.Lock()
	state := k.states[request]
	k.mu.Unlock()
	if k.due(afterItsEffect, state) {
		kill(k.t, k.tasks[state])
		panic(http.ErrAbortHandler)
	}
	next.ServeHTTP(w, r)
}

// entered is the state that the one execution which runs has entered last; empty where none does.
func (k *killer) entered() string {
	running, err := w.desk.States.ListExecutions(context.Background(), &sfn.ListExecutionsInput{
		StateMachineArn: aws.String(w.Outputs["VpsRecoveryArn"]), StatusFilter: types.ExecutionStatusRunning,
	})
	switch {
	case err != nil || len(running.Executions) > 1:
		k.t.Errorf("%d executions run, want one: %v", len(running.Executions), err)
		return ""
	case len(running.Executions) == 0: // another machine's function: the backstop's, after a run that was stopped
		return ""
	}
	events, err := w.desk.Events(context.Background(), aws.ToString(running.Executions[0].ExecutionArn))
	if err != nil {
		k.t.Error(err)
	}
	state := ""
	for _, e := range events {
		if e.StateEnteredEventDetails != nil {
			state = aws.ToString(e.StateEnteredEventDetails.Name)
		}
	}
	return state
}

// due reports, once, that a state's function is to be killed at a moment.
func (k *killer) due(m moment, state string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.moments, m) || k.tasks[state] == "" || k.killed[m][state] {
		return false
	}
	k.killed[m][state] = true
	return true
}

// all asserts that every Task on the path was killed at every moment, and that nothing else failed.
func (k *killer) all(t *testing.T, r runbook.Result) {
	t.Helper()
	for _, state := range r.Path {
		if k.tasks[state] == "" {
			continue
		}
		for _, m := range k.moments {
			if !k.killed[m][state] {
				t.Errorf("%s was not killed at moment %d", state, m)
			}
		}
		if n := times(r, state, "Runtime.ExitError"); n != len(k.moments) {
			t.Errorf("%s failed %d times by being killed, want %d", state, n, len(k.moments))
		}
	}
}

// Whatever is killed, and when: the machine tries again, and what was done already is not done twice.
func TestEveryStepIsKilled(t *testing.T) {
	killed := map[moment]map[string]bool{beforeItsEffect: {}, afterItsEffect: {}}
	run := func(name, input string, event audit.Event, prepare func(*testing.T, day), outcome func(*testing.T, day, runbook.Result), moments ...moment) {
		t.Run(name, func(t *testing.T) {
			d := aDay(t)
			before := recorded(t, event)
			prepare(t, d)
			k := newKiller(t, moments...)
			r := recoverServer(t, input)
			k.all(t, r)
			for _, m := range moments {
				maps.Copy(killed[m], k.killed[m])
			}
			outcome(t, d, r)
			if n := recorded(t, event) - before; n != 1 {
				t.Errorf("%s was recorded %d times, want once", event, n)
			}
			mail(t, w.operations, string(event), r)
		})
	}
	const dead = `{"tenant_id":"globex","reason":"vps_failure","requested_by":"mira"}`
	crash := func(t *testing.T, d day) {
		if err := w.Mail.Provider.Crash(id(t, d.before.VPS.ID), false); err != nil {
			t.Fatal(err)
		}
	}
	replaced := func(t *testing.T, d day, r runbook.Result) {
		d.replacedBy(t, r, slices.Concat(looked, rebooted, rebuilt, arrived)...)
	}
	run("before its effect", dead, audit.SMTPCredentialsRecovered, crash, replaced, beforeItsEffect)
	run("after its effect", dead, audit.SMTPCredentialsRecovered, crash, replaced, afterItsEffect)
	run("while it is put back", forced, audit.VPSRecoveryFailed,
		func(t *testing.T, _ day) {
			strike(t, w.Faults.AWS, faults.Rule{Caller: "pmdr-check-dns", Path: "/2013-04-01/", Strikes: []faults.Strike{denied}})
		},
		func(t *testing.T, d day, r runbook.Result) {
			d.keptBack(t, r, "AWSRefused", slices.Concat(through("CheckDns"), []string{"UpdateDnsBack"}, undone)...)
		}, beforeItsEffect, afterItsEffect)
	run("while nothing is needed", dead, audit.VPSRecoveryNotNeeded,
		func(*testing.T, day) {},
		func(t *testing.T, d day, r runbook.Result) {
			succeeded(t, r)
			if now := registered(t, d.ID); now.Lease.Holder != "" || now.VPS != d.before.VPS || !slices.Equal(d.servers, servers()) {
				t.Errorf("something was changed: %+v", now)
			}
			d.serves(t)
		}, beforeItsEffect, afterItsEffect)
	run("while a reboot helps", dead, audit.VPSRecoveryNotNeeded,
		func(t *testing.T, d day) {
			if err := w.Mail.Provider.Crash(id(t, d.before.VPS.ID), true); err != nil {
				t.Fatal(err)
			}
		},
		func(t *testing.T, d day, r runbook.Result) {
			succeeded(t, r)
			if now := registered(t, d.ID); now.Lease.Holder != "" || now.VPS != d.before.VPS || !slices.Contains(r.Path, "SetCredentialsAfterReboot") {
				t.Errorf("%+v after %v", now, r.Path)
			}
			d.serves(t)
		}, beforeItsEffect, afterItsEffect)
	run("while the password is rotated", forced, audit.SMTPCredentialsRecovered,
		func(t *testing.T, _ day) {
			strike(t, w.Faults.Provider, faults.Rule{Caller: "pmdr-set-reverse-dns", Times: 1, Strikes: []faults.Strike{faults.Before(func() {
				r, err := w.desk.Run(context.WithoutCancel(t.Context()), w.Outputs["CredentialRotationArn"], `{"tenant_id":"globex","reason":"it leaked"}`)
				if err != nil || r.Status != types.ExecutionStatusSucceeded {
					t.Errorf("the rotation is %s as %s: %v", r.Status, r.Error, err)
				}
			})}})
		},
		func(t *testing.T, d day, r runbook.Result) {
			succeeded(t, r)
			way := slices.Concat(looked, rebuilt, arrived)
			at := slices.Index(way, "AnnounceMove")
			took(t, straight(r), slices.Insert(slices.Clone(way), at, "SetCredentialsAnew", "VerifyMailuAnew")...)
			rotated(t, d.MailTenant)
			d.before.CredentialID = registered(t, d.ID).CredentialID
			d.moved(t)
			d.retire(t)
		}, beforeItsEffect, afterItsEffect)
	const cleanUp = `{"tenant_id":"globex","mode":"clean-up","reason":"a run was stopped"}`
	stopped := func(state string) func(*testing.T, day) {
		return func(t *testing.T, _ day) {
			pace(t, 1) // it must not get any further
			stopAt(t, forced, state)
			pace(t, hurried)
		}
	}
	run("while a dead run's server goes", cleanUp, audit.VPSRecoveryCleanedUp, stopped("WaitForMailu"),
		func(t *testing.T, d day, r runbook.Result) {
			succeeded(t, r)
			if now := registered(t, d.ID); now.VPS != d.before.VPS || !slices.Equal(d.servers, servers()) {
				t.Errorf("something is left: %+v, servers %v", now, servers())
			}
			d.revive(t)
		}, beforeItsEffect, afterItsEffect)
	run("while a dead run's move is finished", cleanUp, audit.VPSRecoveryCleanedUp, stopped("WaitForDns"),
		func(t *testing.T, d day, r runbook.Result) {
			succeeded(t, r)
			d.moved(t)
			d.retire(t)
		}, beforeItsEffect, afterItsEffect)

	for state := range tasks(t) {
		for m, states := range killed {
			if !states[state] {
				t.Errorf("%s was never killed at moment %d: give it a run", state, m)
			}
		}
	}
}

// recorded counts the records of an event of globex in the audit trail.
func recorded(t *testing.T, event audit.Event) int {
	t.Helper()
	n := 0
	for _, r := range records(t) {
		if r.Event == event && r.TenantID == "globex" {
			n++
		}
	}
	return n
}
