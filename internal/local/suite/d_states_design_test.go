//go:build platform

package suite

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/local/inbox"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// designed follows a run through its definition, and says where it left it. Until a state fails for good no Catch may be
// taken; from there on every step is the only one that the definition allows.
func designed(d runbook.Definition, r runbook.Result, good map[string]harm) (problem string) {
	set := map[string]any{} // what the machine itself says on the way: the ending
	for name, value := range d.States[d.StartAt].Parameters {
		set["$."+name] = value
	}
	falling := false
	for i, name := range r.Path[:len(r.Path)-1] {
		s, next := d.States[name], r.Path[i+1]
		if s.Type == "Pass" && s.Result != nil {
			set[fmt.Sprint(s.ResultPath)] = s.Result
		}
		h, fails := good[name]
		switch {
		case fails:
			falling = true
			if want := s.Caught(h.of(s.Function() != "")); next != want {
				return fmt.Sprintf("after %s failed came %q, want %q", name, next, want)
			}
		case s.Type == "Choice" && falling:
			want, ok := chosen(s, set)
			if !ok || next != want {
				return fmt.Sprintf("%q led to %q, want %q", name, next, want)
			}
		case s.Type == "Choice":
			if next != s.Default && !slices.ContainsFunc(s.Choices, func(c runbook.Choice) bool { return c.Next == next }) {
				return fmt.Sprintf("%q led to %q", name, next)
			}
		case next != s.Next:
			return fmt.Sprintf("%s led to %q, want %q", name, next, s.Next)
		}
	}
	last := r.Path[len(r.Path)-1]
	switch d.States[last].Type {
	case "Succeed":
		if r.Status == types.ExecutionStatusSucceeded && !falling {
			return ""
		}
	case "Fail":
		if r.Status == types.ExecutionStatusFailed && falling && r.Error == last {
			return causeOf(d, r, good)
		}
	}
	return fmt.Sprintf("it ended %s as %q in %s", r.Status, r.Error, last)
}

// chosen is where a Choice leads by what is known; ok is false where that does not say.
func chosen(s runbook.State, set map[string]any) (next string, ok bool) {
	for _, c := range s.Choices {
		if _, known := set[c.Variable]; !known || c.StringEquals == nil {
			return "", false
		}
		if set[c.Variable] == *c.StringEquals {
			return c.Next, true
		}
	}
	return s.Default, true
}

// causeOf asserts that the operator reads what failed first, and what to do; of a recorder that failed as well, that it did.
func causeOf(d runbook.Definition, r runbook.Result, good map[string]harm) (problem string) {
	at := slices.IndexFunc(r.Path, func(state string) bool { _, fails := good[state]; return fails })
	first := r.Path[at]
	if _, failed := good["RecordAuditFailure"]; failed {
		seeded, _ := d.States[d.StartAt].Parameters["recorded"].(map[string]any)
		if r.Cause == seeded["fault"] {
			return ""
		}
	}
	if want := good[first].of(d.States[first].Function() != ""); !strings.HasPrefix(r.Cause, want+": ") || !strings.Contains(r.Cause, "Next: ") {
		return fmt.Sprintf("the cause is %q, want %s and what to do", r.Cause, want)
	}
	return ""
}

// expectation is a record or a notice of a run that must be there in the end, or must not.
type expectation struct {
	run, state string
	record     string // its id
	notice     string // its type
	box        *inbox.Inbox
	execution  string
	want       int
}

// expectations are what the recorders and the tellers on a run's path must have left behind.
func expectations(run string, d runbook.Definition, r runbook.Result, good map[string]harm) (all []expectation) {
	for name, s := range d.Tasks() {
		of, _ := s.Parameters["execution"].(map[string]any)
		event, _ := s.Parameters["event"].(string)
		if event == "" || of["arn.$"] != "$$.Execution.Id" || !slices.Contains(r.Path, name) {
			continue
		}
		e := expectation{run: run, state: name, execution: r.ARN, want: 1}
		if h, fails := good[name]; fails && !h.acted() {
			e.want = 0
		}
		state := name
		if literal, ok := of["state"].(string); ok {
			state = literal
		}
		switch s.Function() {
		case "pmdr-record-audit":
			e.record = audit.NewID(task.Execution{ARN: r.ARN, StartedAt: r.Started, State: state}, nil, audit.Event(event))
		case "pmdr-alert-security":
			e.notice, e.box = event, &w.security
		case "pmdr-alert-operations":
			e.notice, e.box = event, &w.operations
		default:
			continue
		}
		all = append(all, e)
	}
	return all
}

// check looks, when all is over, for everything that must have been recorded and told.
func (tbl *table) check(t *testing.T) {
	t.Helper()
	recorded := map[string]int{}
	for _, r := range records(t) {
		recorded[r.ID]++
	}
	// Two states may write one record: the second does where the first could not.
	wanted, writers := map[string]int{}, map[string]string{}
	notices := 0
	for _, e := range tbl.expected {
		switch {
		case e.record != "":
			wanted[e.record] = max(wanted[e.record], e.want)
			writers[e.record] = e.run + ", " + e.state
		case e.want > 0:
			notices++
			if !arrives(t, e) {
				t.Errorf("%s: the notice of %s did not arrive", e.run, e.state)
			}
		}
	}
	for id, want := range wanted {
		if n := recorded[id]; n != want {
			t.Errorf("%d records of %s, want %d", n, writers[id], want)
		}
	}
	t.Logf("looked for %d records and %d notices", len(wanted), notices)
}

// arrives reads an inbox until the notice is there.
func arrives(t *testing.T, e expectation) bool {
	t.Helper()
	there := func(m inbox.Mail) bool {
		return m.Attributes["type"] == e.notice && strings.Contains(m.Message, e.execution)
	}
	if slices.ContainsFunc(w.mails, there) {
		return true
	}
	for { // until the box, which may hold hundreds, is empty
		mails, err := e.box.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(mails) == 0 {
			return false
		}
		w.mails = append(w.mails, mails...)
		if slices.ContainsFunc(mails, there) {
			return true
		}
	}
}

// report prints the table, and fails where a field of it is empty: how many states each harm has struck once and for good.
func (tbl *table) report(t *testing.T, took time.Duration) {
	t.Helper()
	states, once, good := 0, 0, 0
	lines := []string{fmt.Sprintf("%-26s%6s", "once / for good", "states")}
	for _, h := range harms {
		lines[0] += fmt.Sprintf("%15s", h)
	}
	for _, output := range slices.Sorted(maps.Keys(tbl.machines)) {
		tasks := tbl.machines[output].Tasks()
		line := fmt.Sprintf("%-26s%6d", strings.TrimSuffix(output, "Arn"), len(tasks))
		left := map[string]bool{} // states that were never struck for good
		for name := range tasks {
			left[name] = true
		}
		for _, h := range harms {
			n, m := 0, 0
			for name, s := range tasks {
				c := cell{output, name, h}
				if tbl.once[c] {
					n++
				} else if len(s.Retry) > 0 {
					t.Errorf("%s of %s was never struck once by %q: give it a way", name, output, h)
				}
				if tbl.good[c] {
					m++
					delete(left, name)
				}
			}
			line += fmt.Sprintf("%15s", fmt.Sprintf("%d / %d", n, m))
			once, good = once+n, good+m
		}
		for name := range left {
			t.Errorf("%s of %s was never struck for good: give it a way", name, output)
		}
		lines = append(lines, line)
		states += len(tasks)
	}
	for _, line := range lines {
		t.Attr("figure", line)
	}
	t.Attr("figure", fmt.Sprintf("%d states x %d faults: struck once %d times, for good %d times, in %.0f s", states, len(harms), once, good, took.Seconds()))
}
