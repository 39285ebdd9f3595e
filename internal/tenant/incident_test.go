package tenant

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// answers are executions of credential-compromise by what became of them; the others are unknown.
type answers map[string]Response

func (a answers) Response(_ context.Context, arn string) (Response, error) {
	if known, ok := a[arn]; ok {
		known.Execution = arn
		return known, nil
	}
	return Response{Execution: arn}, nil
}

func (a answers) now(name, status string) {
	a[arn(name)] = Response{Status: status}
}

// mask hides one word.
type mask string

func (m mask) Redact(_ context.Context, _, text string) string {
	return strings.ReplaceAll(text, string(m), "[redacted]")
}

type claims struct {
	*world
	answers answers
	leaked  mask
}

func newClaims(w *world) claims {
	w.registered()
	return claims{w, answers{}, "s3cret"}
}

func (c claims) claimant() Claimant {
	return Claimant{Registry: c.registry(), Responses: c.answers, Redactor: c.leaked, Now: c.clock}
}

func (c claims) claim(execution, input string) (Claimed, error) {
	return c.claimant().Claim(c.t.Context(), ClaimInput{Input: json.RawMessage(input), Execution: task.Execution{
		ARN: arn(execution), StartedAt: c.clock(), State: "ClaimIncident"}})
}

// claims claims an incident and fails the test where that is refused.
func (c claims) claims(execution, input string) Claimed {
	c.t.Helper()
	got, err := c.claim(execution, input)
	if err != nil {
		c.t.Fatalf("%s: %v", execution, err)
	}
	return got
}

const (
	leakOne  = `{"tenant_id":"acme","incident_id":"INC-1","compromise_details":"s3cret on a paste site","requested_by":"mira"}`
	leakTwo  = `{"tenant_id":"acme","incident_id":"INC-2"}`
	detected = `{"tenant_id":"acme","incident_id":"%s","compromise_details":"seen","reason":"credential.compromised","requested_by":"leak-monitor","detected":true}`
)

func TestAnIncidentIsClaimedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		c := newClaims(w)
		want := Claimed{
			TenantID: "acme", Hostname: "mail.acme.example", IncidentID: "INC-1", Details: "[redacted] on a paste site",
			Reason: "credential compromise", RequestedBy: "mira", Respond: true,
		}
		if d := cmp.Diff(want, c.claims("one", leakOne)); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
		if d := cmp.Diff(want, c.claims("one", leakOne)); d != "" {
			t.Errorf("the step repeated (-want +got):\n%s", d)
		}
		c.answers.now("one", "RUNNING")
		want.Respond, want.First = false, Response{Execution: arn("one"), Status: "RUNNING"}
		if d := cmp.Diff(want, c.claims("two", leakOne)); d != "" {
			t.Errorf("while the first runs (-want +got):\n%s", d)
		}
		done := Response{Execution: arn("one"), Status: "SUCCEEDED", Outcome: Outcome{"cred-2", true, 2.5}}
		c.answers[arn("one")], want.First = done, done
		w.pass(24 * time.Hour)
		if d := cmp.Diff(want, c.claims("three", leakOne)); d != "" {
			t.Errorf("a day later (-want +got):\n%s", d)
		}
		if got := c.claims("four", leakTwo); !got.Respond {
			t.Errorf("another incident: %+v", got)
		}
	})
}

func TestAClaimOfARunThatFailedIsTakenOver(t *testing.T) {
	for _, status := range []string{"FAILED", "TIMED_OUT", "ABORTED", ""} {
		onEach(t, func(t *testing.T, w *world) {
			c := newClaims(w)
			c.claims("one", leakOne)
			c.answers.now("one", status)
			c.leaked = "" // it was replaced: nothing tells it from other words any more
			got := c.claims("two", leakOne)
			if !got.Respond || !got.TakenOver || got.Details != "[redacted] on a paste site" || got.First != (Response{}) {
				t.Errorf("after %q: %+v", status, got)
			}
			if again := c.claims("two", leakOne); again != got {
				t.Errorf("the step repeated: %+v", again)
			}
			c.answers.now("two", "RUNNING")
			if got := c.claims("three", leakOne); got.Respond || got.First.Execution != arn("two") {
				t.Errorf("the third: %+v", got)
			}
		})
	}
}

// That an incident joined a rotation is recorded by one execution, and by another one if that has failed.
func TestAJoinThatWasNotRecorded(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		c := newClaims(w)
		first, second := fmt.Sprintf(detected, "D-1"), fmt.Sprintf(detected, "D-2")
		c.claims("one", first)
		c.answers.now("one", "SUCCEEDED")
		c.claims("two", second)
		c.answers.now("two", "FAILED")
		c.leaked = ""
		w.pass(time.Hour)
		for range 2 {
			if got := c.claims("three", `{"tenant_id":"acme","incident_id":"D-2"}`); got.Respond || !got.Joined || got.First.Execution != arn("one") || got.Details != "seen" {
				t.Errorf("the next: %+v", got)
			}
		}
		c.answers.now("three", "SUCCEEDED")
		if got := c.claims("four", second); got.Respond || got.Joined || got.First.Execution != arn("one") {
			t.Errorf("recorded by now: %+v", got)
		}
	})
}

func TestWhatADetectorReportsJoinsARotation(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		c := newClaims(w)
		report := func(id string) string { return fmt.Sprintf(detected, id) }
		if got := c.claims("one", report("D-1")); !got.Respond || got.Reason != "credential.compromised" || got.RequestedBy != "leak-monitor" {
			t.Fatalf("the first: %+v", got)
		}
		c.answers.now("one", "SUCCEEDED")
		w.pass(9*time.Minute + 59*time.Second)
		for range 2 { // the step may be repeated
			if got := c.claims("two", report("D-2")); got.Respond || !got.Joined || got.First.Execution != arn("one") || got.Details != "seen" {
				t.Errorf("within ten minutes: %+v", got)
			}
		}
		c.answers.now("two", "RUNNING")
		if got := c.claims("three", report("D-2")); got.Respond || got.Joined || got.First.Execution != arn("one") {
			t.Errorf("the one that joined, again: %+v", got)
		}
		if got := c.claims("four", leakOne); !got.Respond {
			t.Errorf("by hand: %+v", got)
		}
		c.answers.now("four", "FAILED")
		w.pass(time.Second)
		if got := c.claims("five", report("D-3")); !got.Respond {
			t.Errorf("after ten minutes, and beside one that failed: %+v", got)
		}
		c.answers.now("one", "FAILED") // after all
		if got := c.claims("six", report("D-2")); !got.Respond || !got.TakenOver {
			t.Errorf("what it had joined has failed: %+v", got)
		}
	})
}

func TestAClaimWhoseAnswerIsLostIsFoundAgain(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		c := newClaims(w)
		w.db.lose = 1
		_, err := c.claim("one", leakOne)
		wants(t, err, fault.AWSUnavailable)
		if got := c.claims("one", leakOne); !got.Respond || got.TakenOver {
			t.Errorf("%+v", got)
		}
	})
}

func TestClaimsAtOnceAreOne(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		c := newClaims(w)
		const runs = 8
		for i := range runs {
			c.answers.now(fmt.Sprint(i), "RUNNING")
		}
		var group errgroup.Group
		responding := make([]bool, runs)
		for i := range runs {
			group.Go(func() error {
				got, err := c.claim(fmt.Sprint(i), leakOne)
				responding[i] = got.Respond
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range responding {
			if r {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d executions answer one incident", n)
		}
	})
}

func TestClaimsAreForgotten(t *testing.T) {
	w := newWorld(t, newMemory(t), "tenants")
	c := newClaims(w)
	for i := range mostClaims + 5 {
		c.claims(fmt.Sprint(i), fmt.Sprintf(`{"tenant_id":"acme","incident_id":"I-%d","compromise_details":%q}`, i, strings.Repeat("ü", maxDetails/2)))
	}
	stored, err := c.claimant().read(t.Context(), "acme")
	if err != nil || len(stored.Claims) != mostClaims || stored.Claims[mostClaims-1].IncidentID != fmt.Sprintf("I-%d", mostClaims+4) {
		t.Errorf("%d claims, %v", len(stored.Claims), err)
	}
	w.pass(kept + time.Second)
	c.claims("new", leakOne)
	if stored, err = c.claimant().read(t.Context(), "acme"); err != nil || len(stored.Claims) != 1 {
		t.Errorf("after 90 days: %d claims, %v", len(stored.Claims), err)
	}
	if listed, err := (List{Database: w.db, Table: w.table}).Tenants(t.Context()); err != nil || len(listed) != 1 {
		t.Errorf("the list of tenants: %d, %v", len(listed), err)
	}
}

func TestClaimRefuses(t *testing.T) {
	w := newWorld(t, newMemory(t), "tenants")
	c := newClaims(w)
	writes := w.db.writes
	long := strings.Repeat("x", maxDetails+1)
	for input, want := range map[string]fault.Name{
		`{"incident_id":"I"}`:                                                        fault.InvalidInput,
		`{"tenant_id":"acme"}`:                                                       fault.InvalidInput,
		`{"tenant_id":"acme","incident_id":""}`:                                      fault.InvalidInput,
		`{"tenant_id":"acme","incident_id":"a b"}`:                                   fault.InvalidInput,
		`{"tenant_id":"acme","incident_id":"` + long[:65] + `"}`:                     fault.InvalidInput,
		`{"tenant_id":"acme","incident_id":7}`:                                       fault.InvalidInput,
		`{"tenant_id":"acme","incident_id":"I","incident_id":"J"}`:                   fault.InvalidInput,
		`{"tenant_id":"acme","Incident_id":"I"}`:                                     fault.InvalidInput,
		`{"tenant_id":"acme","incident_id":"I","x":1}`:                               fault.InvalidInput,
		`{"tenant_id":"acme","incident_id":"I","compromise_details":"` + long + `"}`: fault.InvalidInput,
		`{"tenant_id":"acme","incident_id":"I","compromise_details":"\u0000"}`:       fault.InvalidInput,
		`{"tenant_id":"acme","incident_id":"I","reason":"a\nb"}`:                     fault.InvalidInput,
		`{"tenant_id":"acme","incident_id":"I","requested_by":"\u001b"}`:             fault.InvalidInput,
		`{"tenant_id":"#budget","incident_id":"I"}`:                                  fault.InvalidInput,
		`{"tenant_id":"nobody","incident_id":"I"}`:                                   fault.TenantUnknown,
		`[]`: fault.InvalidInput,
	} {
		if got, err := c.claim("one", input); !fault.Is(err, want) {
			t.Errorf("%.80s: %+v, %v, want %s", input, got, err, want)
		}
	}
	if w.db.writes != writes {
		t.Error("a refused claim was written")
	}
	if got := c.claims("one", `{"tenant_id":"acme","incident_id":"I","compromise_details":"two\nlines"}`); got.Details != "two\nlines" {
		t.Errorf("details of two lines: %+v", got)
	}
}
