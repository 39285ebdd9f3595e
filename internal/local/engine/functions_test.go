//go:build platform

package engine

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
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
	a := &account{engine: e, config: e.AWS()}
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

// Whoever stands before the Runtime API is told whose attempt an invocation is, and may end it as a time-out: the function's
// process ends with it.
func TestAnAttemptIsToldAndMayRunOutOfTime(t *testing.T) {
	t.Parallel()
	a, _, runtime := tapped(t)
	const api = "/2018-06-01/runtime/invocation/"
	var told []string
	var processes []int
	runtime.Add(faults.Rule{Method: http.MethodGet, Path: api, Strikes: []faults.Strike{func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			theirs := netip.MustParseAddrPort(r.RemoteAddr)
			ours := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr).AddrPort()
			faults.After(func() {
				told, processes = append(told, w.Header().Get("Lambda-Runtime-Trace-Id")), append(processes, a.engine.holder(theirs, ours))
			})(next).ServeHTTP(w, r)
		})
	}}})
	runtime.Add(faults.Rule{Method: http.MethodPost, Path: api, Times: 1, Strikes: []faults.Strike{func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			over := r.Clone(r.Context())
			over.URL.Path = strings.Replace(r.URL.Path, "/response", "/error", 1)
			body := `{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out after 3.00 seconds"}`
			over.Body, over.ContentLength, over.TransferEncoding = io.NopCloser(strings.NewReader(body)), int64(len(body)), nil
			next.ServeHTTP(httptest.NewRecorder(), over)
			panic(http.ErrAbortHandler)
		})
	}}})
	if err := a.engine.Pace(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	ended, err := a.execute(t.Context(), fmt.Sprintf(`{"StartAt":"It is told","States":{"It is told":{"Type":"Task","Resource":%q,"End":true,
		"Retry":[{"ErrorEquals":["Sandbox.Timedout"],"IntervalSeconds":3600,"MaxAttempts":1}]}}}`, a.function), `{}`)
	if err != nil {
		t.Fatal(err)
	}
	if ended.Status != types.ExecutionStatusSucceeded || len(told) != 2 || processes[0] == processes[1] || processes[0] == 0 {
		t.Fatalf("the execution ended %s; told %q, to processes %v", ended.Status, told, processes)
	}
	for i, header := range told {
		if want := fmt.Sprintf("Execution=%s;State=It%%20is%%20told;Attempt=%d", *ended.ExecutionArn, i); !strings.HasSuffix(header, want) {
			t.Errorf("attempt %d is told as %q, want %q", i, header, want)
		}
	}
}

// What Step Functions calls itself, without a function, can be struck as well.
func TestAnIntegrationIsStruck(t *testing.T) {
	t.Parallel()
	a, _, runtime := tapped(t)
	if err := a.engine.Pace(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	const way = "/_ministack/health"
	busy := faults.Answer(http.StatusServiceUnavailable, "application/json", `{"errorType":"CloudWatch.ThrottlingException","errorMessage":"slow down"}`)
	rule := runtime.Add(faults.Rule{Path: way, Times: 2, Strikes: []faults.Strike{busy}})
	before := runtime.Add(faults.Rule{Path: way, Strikes: []faults.Strike{faults.Before(func() {})}})
	definition := `{"StartAt":"M","States":{"M":{"Type":"Task","Resource":"arn:aws:states:::aws-sdk:cloudwatch:putMetricData","End":true,
		"Parameters":{"Namespace":"n","MetricData":[{"MetricName":"m","Value":1}]},
		"Retry":[{"ErrorEquals":["CloudWatch.ThrottlingException"],"IntervalSeconds":3600,"MaxAttempts":2}]}}}`
	ended, err := a.execute(t.Context(), definition, `{}`)
	if err != nil || ended.Status != types.ExecutionStatusSucceeded {
		t.Fatalf("the execution ended %+v, %v", ended, err)
	}
	if rule.Struck() != 2 || before.Struck() != 2 { // the third attempt asks before and after
		t.Errorf("struck %d times, let go on %d times", rule.Struck(), before.Struck())
	}
}
