package contract

import (
	"slices"
	"testing"
)

// Every state can be reached, and every name that is pointed to exists.
func TestNoStateIsLost(t *testing.T) {
	eachMachine(t, func(t *testing.T, m machine) {
		reachable := m.reachable(m.StartAt)
		for name := range reachable {
			if _, ok := m.States[name]; !ok {
				t.Errorf("there is no state %q", name)
			}
		}
		for _, name := range m.names() {
			if !reachable[name] {
				t.Errorf("nothing leads to %q", name)
			}
		}
	})
}

// Once something has failed, the execution ends failed: from no Catch, and from no state that makes a fault itself, does a
// way lead to success. Inside the failure path a step that fails is passed over, so that the others still happen.
func TestAfterAFailureNeverASuccess(t *testing.T) {
	eachMachine(t, func(t *testing.T, m machine) {
		for _, name := range m.names() {
			s := m.States[name]
			var from []string
			for _, c := range s.Catch {
				from = append(from, c.Next)
			}
			if string(s.ResultPath) == `"$.fault"` {
				from = append(from, name)
			}
			for reached := range m.reachable(from...) {
				if m.States[reached].Type == "Succeed" {
					t.Errorf("after a failure in %q the execution may still end as %q", name, reached)
				}
			}
		}
	})
}

// Operators see of a failed execution only its error and cause: the ending, and the fault in words.
func TestFailuresEndWithTheirNameAndTheFault(t *testing.T) {
	eachMachine(t, func(t *testing.T, m machine) {
		failures := 0
		for _, name := range m.names() {
			s := m.States[name]
			if s.Type != "Fail" {
				continue
			}
			failures++
			if s.Error != name || s.CausePath == "" || s.Comment == "" {
				t.Errorf("%s ends as %q with the cause %q and the comment %q", name, s.Error, s.CausePath, s.Comment)
			}
		}
		if failures == 0 {
			t.Error("the machine cannot fail")
		}
	})
}

// A failure is recorded and told, whatever else fails: each of the three steps lies on every way from the first Catch to
// an ending.
func TestEveryFailureIsRecordedAndTold(t *testing.T) {
	eachMachine(t, func(t *testing.T, m machine) {
		path := m.failurePath()
		for _, step := range []string{"record-audit", "alert-security", "alert-operations"} {
			without := machine{StartAt: m.StartAt, States: map[string]state{}}
			for name, s := range m.States {
				if !path[name] || s.step() != step {
					without.States[name] = s
				}
			}
			for _, from := range m.firstCatches() {
				for reached := range without.reachable(from) {
					if without.States[reached].Type == "Fail" {
						t.Errorf("from %q the execution can end as %s without %s", from, reached, step)
					}
				}
			}
		}
	})
}

// Once the registry may name the new server, nothing destroys it: only MoveTenant's own refusals, which say that nothing was
// written, lead back. A lost answer says nothing.
func TestAServerThatTheRegistryMayNameStays(t *testing.T) {
	refusals := []string{"CredentialStale", "InvalidInput", "LeaseLost", "TenantUnknown"}
	m := readMachine(t, "vps-recovery")
	move := m.States["MoveTenant"]
	after, unknown := []string{move.Next}, false
	for _, c := range move.Catch {
		for _, e := range c.ErrorEquals {
			if !slices.Contains(refusals, e) {
				after, unknown = append(after, c.Next), unknown || e == "States.ALL"
			}
		}
	}
	if !unknown {
		t.Error("MoveTenant does not catch States.ALL")
	}
	for name := range m.reachable(after...) {
		if step := m.States[name].step(); step == "destroy-vps" || step == "update-dns-back" {
			t.Errorf("%s can run although MoveTenant may have happened", name)
		}
	}
}

// The first Task takes the start input whole: a path into an input that lacks the field is States.Runtime, which no Catch
// sees.
func TestTheFirstTaskTakesTheInputWhole(t *testing.T) {
	eachMachine(t, func(t *testing.T, m machine) {
		start := m.States[m.StartAt]
		first := m.States[start.Next]
		if start.Type != "Pass" || parameters(t, start)["input.$"] != "$" {
			t.Errorf("%q does not take the whole input", m.StartAt)
		}
		if first.Type != "Task" || parameters(t, first)["input.$"] != "$.input" {
			t.Errorf("%q does not get the whole input", start.Next)
		}
	})
}

// firstCatches are where the states outside the failure path go when they fail.
func (m machine) firstCatches() []string {
	path := m.failurePath()
	var first []string
	for _, name := range m.names() {
		for _, c := range m.States[name].Catch {
			if !path[name] {
				first = append(first, c.Next)
			}
		}
	}
	slices.Sort(first)
	return slices.Compact(first)
}

// failurePath are the states from which no success can be reached.
func (m machine) failurePath() map[string]bool {
	path := map[string]bool{}
	for _, name := range m.names() {
		succeeds := false
		for reached := range m.reachable(name) {
			succeeds = succeeds || m.States[reached].Type == "Succeed"
		}
		path[name] = !succeeds
	}
	return path
}
