//go:build platform

package engine

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
)

// tapped is an engine whose functions reach AWS and the Runtime API through proxies.
func tapped(t *testing.T) (a *account, aws, runtime *faults.Proxy) {
	t.Helper()
	var e *Engine
	start := func(o faults.Options) *faults.Proxy {
		o.Caller = e.Caller
		p, err := faults.Start(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.Stop() })
		return p
	}
	e = &Engine{}
	aws, runtime = start(faults.Options{}), start(faults.Options{Route: faults.RuntimeAPI})
	started, err := Start(t.Context(), Options{
		Python: python, Dir: t.TempDir(), Attached: true, FunctionsEndpoint: aws.URL(), RuntimeAPI: runtime.Address(),
	})
	if err != nil {
		t.Fatal(err)
	}
	*e = *started
	t.Cleanup(func() { _ = started.Stop() })
	aws.Forward(e.Endpoint)
	code, err := buildFunction(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if a, err = furnish(t.Context(), started, code); err != nil {
		t.Fatal(err)
	}
	return a, aws, runtime
}

// A function that is killed before its event has reached it, or before its answer has left, ends as Runtime.ExitError,
// and a Retry gets it done.
func TestAKilledFunctionIsTriedAgain(t *testing.T) {
	t.Parallel()
	a, aws, runtime := tapped(t)
	kill := faults.Before(func() {
		if err := a.engine.KillFunction("function"); err != nil {
			t.Error(err)
		}
	})
	const api = "/2018-06-01/runtime/invocation/"
	event := runtime.Add(faults.Rule{Caller: "function", Method: http.MethodGet, Path: api + "next", Times: 1, Strikes: []faults.Strike{
		faults.After(func() {
			if err := a.engine.KillFunction("function"); err != nil {
				t.Error(err)
			}
		}),
	}})
	answer := runtime.Add(faults.Rule{Caller: "function", Method: http.MethodPost, Path: api, Times: 1, Strikes: []faults.Strike{kill, faults.CutBefore}})
	if err := a.engine.Pace(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	ended, err := a.execute(t.Context(), fmt.Sprintf(`{"StartAt":"F","States":{"F":{"Type":"Task","Resource":%q,"End":true,
		"Retry":[{"ErrorEquals":["Runtime.ExitError"],"IntervalSeconds":3600,"MaxAttempts":2}]}}}`, a.function), `{}`)
	if err != nil {
		t.Fatal(err)
	}
	if ended.Status != types.ExecutionStatusSucceeded || !strings.Contains(*ended.Output, "AWS_ENDPOINT_URL="+aws.URL()) {
		t.Errorf("the execution ended %s: %v", ended.Status, ended.Output)
	}
	history, err := sfn.NewFromConfig(a.config).GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: ended.ExecutionArn})
	if err != nil {
		t.Fatal(err)
	}
	exits := 0
	for _, e := range history.Events {
		if f := e.TaskFailedEventDetails; f != nil && *f.Error == "Runtime.ExitError" {
			exits++
		}
	}
	if exits != 2 || event.Struck() != 1 || answer.Struck() != 1 {
		t.Errorf("%d exits; killed at the event %d times, at the answer %d", exits, event.Struck(), answer.Struck())
	}
}

func TestOnlyFunctionsAreKilled(t *testing.T) {
	t.Parallel()
	e, err := Start(t.Context(), Options{Python: python, Dir: t.TempDir(), Attached: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop() })
	busy(t, e)
	if err := e.KillFunction("another"); err == nil {
		t.Error("a function without a process was killed")
	}
	if members := group(e.process.PID); len(members) != 2 {
		t.Errorf("the engine's group is %v, want the engine and one function", members)
	}
	if err := e.KillFunction("function"); err != nil {
		t.Error(err)
	}
	if members := group(e.process.PID); len(members) != 1 || members[0] != e.process.PID {
		t.Errorf("the engine's group is %v, want the engine alone", members)
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	e, err := Start(t.Context(), Options{Python: python, Dir: t.TempDir(), Attached: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop() })
	a := &account{engine: e, config: configOf(e)}
	if a.roleArn, err = a.role(t.Context(), "everything", `{"Effect":"Allow","Action":"*","Resource":"*"}`); err != nil {
		t.Fatal(err)
	}
	if err := e.Pace(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	ended, err := a.execute(t.Context(), `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}}`, `{}`)
	if err != nil || ended.Status != types.ExecutionStatusSucceeded {
		t.Errorf("an hour's wait: %v, %v", ended, err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Pace(stopped, 1); err == nil {
		t.Error("a pace that nobody was told is no error")
	}
}
