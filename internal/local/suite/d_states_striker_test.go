//go:build platform

package suite

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/local/faults"
)

// invocation is where a function gets its event (GET …next) and leaves its answer (POST …/{id}/response).
const invocation = "/2018-06-01/runtime/invocation/"

// The engine's launcher tells here which attempt an invocation is, and before and after what Step Functions calls itself.
const (
	traceHeader = "Lambda-Runtime-Trace-Id"
	integration = "/_ministack/health"
)

// harm is what happens to one attempt of a state.
type harm int

const (
	// killedBefore: the function runs, and its event has not reached it.
	killedBefore harm = iota
	// killedAfter: it has done everything, and its answer has not left.
	killedAfter
	// ranOut: it has done everything, and Lambda ends it because its time is over.
	ranOut
	// turnedBack: Lambda throttles the call, and the function does not run.
	turnedBack
)

var harms = []harm{killedBefore, killedAfter, ranOut, turnedBack}

func (h harm) String() string {
	return [...]string{"killed before", "killed after", "time-out", "throttle"}[h]
}

// acted reports whether the step has done its work when the harm comes.
func (h harm) acted() bool { return h == killedAfter || h == ranOut }

// of is what Step Functions is told of a harm: for a function, and for what it calls itself.
func (h harm) of(function bool) string {
	if function {
		return [...]string{"Runtime.ExitError", "Runtime.ExitError", "Sandbox.Timedout", "Lambda.TooManyRequestsException"}[h]
	}
	return [...]string{"CloudWatch.SdkClientException", "CloudWatch.SdkClientException", "States.Timeout", "CloudWatch.ThrottlingException"}[h]
}

// says is the text that goes with it.
func (h harm) says() string {
	return [...]string{"the connection broke", "the connection broke", "Task timed out after 30.00 seconds", "Rate Exceeded."}[h]
}

// assault is what is to happen to one execution.
type assault struct {
	// good are the states that are struck in every attempt.
	good map[string]harm
	// due are the harms that strike a state's first attempts, one each.
	due func(state string) []harm
	// alter changes what a state's function answers.
	alter map[string]func([]byte) []byte

	mu     sync.Mutex
	struck map[string][]harm
	plans  map[string][]harm
}

// next is the harm of a state's next attempt, if any.
func (a *assault) next(state string) (harm, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	h, strikes := a.good[state]
	if !strikes && a.due != nil {
		plan, planned := a.plans[state]
		if !planned {
			plan = a.due(state)
			a.plans[state] = plan
		}
		if n := len(a.struck[state]); n < len(plan) {
			h, strikes = plan[n], true
		}
	}
	if strikes {
		a.struck[state] = append(a.struck[state], h)
	}
	return h, strikes
}

// striker strikes the attempts of states. It stands between the functions and the Runtime API: there, and only there, a
// function's beginning and end can be seen from outside.
type striker struct {
	t *testing.T

	mu       sync.Mutex
	assaults map[string]*assault // by execution
	pending  map[string]harm     // of what has begun, by invocation
	altered  map[string]func([]byte) []byte
}

// newStriker is at work until the test ends. Functions wait for their events long before they get them: those that wait
// already are ended, so that all come by here.
func newStriker(t *testing.T, functions []string) *striker {
	t.Helper()
	s := &striker{t: t, assaults: map[string]*assault{}, pending: map[string]harm{}, altered: map[string]func([]byte) []byte{}}
	rule := w.Faults.Runtime.Add(faults.Rule{Strikes: []faults.Strike{s.strike}})
	endAll := func() {
		for _, function := range functions {
			_ = w.Engine.KillFunction(function) // one that has not run has nothing to end
		}
	}
	t.Cleanup(func() { rule.Remove(); endAll() })
	endAll()
	return s
}

// on begins an assault on an execution that has not started yet.
func (s *striker) on(execution string, a *assault) {
	a.struck, a.plans = map[string][]harm{}, map[string][]harm{}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assaults[execution] = a
}

func (s *striker) strike(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == integration:
			s.integration(w, r, next)
		case r.Method == http.MethodGet:
			s.event(w, r, next)
		default:
			s.answer(w, r, next)
		}
	})
}

// begins finds the harm of an attempt by its header; id is what its end will be known by.
func (s *striker) begins(header, id string) (harm, bool) {
	execution, state := attempt(header)
	s.mu.Lock()
	a := s.assaults[execution]
	s.mu.Unlock()
	if a == nil {
		return 0, false
	}
	h, strikes := a.next(state)
	s.mu.Lock()
	defer s.mu.Unlock()
	if alter := a.alter[state]; alter != nil {
		s.altered[id] = alter
	}
	if strikes && h.acted() {
		s.pending[id] = h
		return 0, false
	}
	return h, strikes
}

// ends finds the harm that an attempt has to end with.
func (s *striker) ends(id string) (h harm, strikes bool, alter func([]byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, strikes = s.pending[id]
	alter = s.altered[id]
	delete(s.pending, id)
	delete(s.altered, id)
	return h, strikes, alter
}

// event passes a function its event, or strikes before.
func (s *striker) event(w http.ResponseWriter, r *http.Request, next http.Handler) {
	for {
		got := httptest.NewRecorder()
		next.ServeHTTP(got, r) // it waits here until there is an event
		header := got.Result().Header
		id := header.Get("Lambda-Runtime-Aws-Request-Id")
		h, strikes := s.begins(header.Get(traceHeader), id)
		switch {
		case !strikes:
			maps.Copy(w.Header(), header)
			w.WriteHeader(got.Code)
			_, _ = w.Write(got.Body.Bytes())
			return
		case h == turnedBack:
			send(httptest.NewRecorder(), r, next, invocation+id+"/error", report(h.of(true), h.says()))
			// and the function goes on waiting
		default:
			s.kill(r)
		}
	}
}

// answer passes a function's answer on, or strikes after.
func (s *striker) answer(w http.ResponseWriter, r *http.Request, next http.Handler) {
	id, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, invocation), "/")
	h, strikes, alter := s.ends(id)
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		panic(http.ErrAbortHandler)
	case !strikes:
		if alter != nil {
			body = alter(body)
		}
		send(w, r, next, r.URL.Path, body)
	case h == ranOut:
		send(httptest.NewRecorder(), r, next, invocation+id+"/error", report(h.of(true), h.says()))
		panic(http.ErrAbortHandler)
	default:
		s.kill(r)
	}
}

// integration lets Step Functions' own call go on, or is its error.
func (s *striker) integration(w http.ResponseWriter, r *http.Request, next http.Handler) {
	header := r.Header.Get(traceHeader)
	h, strikes, _ := s.ends(header)
	if r.URL.RawQuery == "before" {
		h, strikes = s.begins(header, header)
	}
	if !strikes {
		next.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write(report(h.of(false), h.says()))
}

// attempt reads the header in which the launcher tells whose attempt it is.
func attempt(header string) (execution, state string) {
	for field := range strings.SplitSeq(header, ";") {
		switch name, value, _ := strings.Cut(field, "="); name {
		case "Execution":
			execution = value
		case "State":
			state, _ = url.PathUnescape(value)
		}
	}
	return execution, state
}

// send posts a body to the Runtime API in the place of the function that has sent a request.
func send(w http.ResponseWriter, r *http.Request, next http.Handler, path string, body []byte) {
	request := r.Clone(r.Context())
	request.Method, request.URL.Path, request.URL.RawQuery = http.MethodPost, path, ""
	request.Body, request.ContentLength, request.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	request.Header = http.Header{"Content-Type": {"application/json"}}
	next.ServeHTTP(w, request)
}

func report(kind, message string) []byte {
	body, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message}) // two strings
	return body
}

// kill ends the function that has sent a request, as the end of its sandbox does.
func (s *striker) kill(r *http.Request) {
	theirs, err := netip.ParseAddrPort(r.RemoteAddr)
	ours, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if err == nil {
		err = w.Engine.KillCaller(theirs, ours.AddrPort())
	}
	if err != nil {
		s.t.Error(err)
	}
	panic(http.ErrAbortHandler)
}
