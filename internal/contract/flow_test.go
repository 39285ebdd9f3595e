package contract

import (
	"go/ast"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// The types that these tests take for a function's are those that its main hands to the runtime.
func TestPayloadsAreThoseOfTheFunctions(t *testing.T) {
	known := slices.Sorted(maps.Keys(payloads))
	if !slices.Equal(known, steps(t)) {
		t.Errorf("payloads knows %v, functions/ holds %v", known, steps(t))
	}
	if known := slices.Sorted(maps.Keys(requests)); !slices.Equal(known, runbooks(t)) {
		t.Errorf("requests knows %v, statemachines/ holds %v", known, runbooks(t))
	}
	for step, p := range payloads {
		var handlers []string
		visit(readSource(t, "functions/"+step), func(n *ast.IndexListExpr) {
			if spelled(n.X) == "task.Handler" {
				handlers = append(handlers, spelled(n.Indices[0])+" -> "+spelled(n.Indices[1]))
			}
		})
		if want := p.in.String() + " -> " + p.out.String(); !slices.Equal(handlers, []string{want}) {
			t.Errorf("%s: main has %v, payloads has %s", step, handlers, want)
		}
	}
}

// Every path that a state reads is certain to be there, on whatever way the execution came: a path that is not is
// States.Runtime, which no Catch sees, so that nobody would be told. And what a Task hands over is what its function
// decodes: an unknown field is InvalidInput.
func TestEveryPathLeadsSomewhere(t *testing.T) {
	eachMachine(t, func(t *testing.T, m machine) {
		data := m.data(t)
		for _, name := range m.names() {
			s := m.States[name]
			value := s.payload(t, data[name], func(path string) {
				t.Errorf("%q reads %s, which may not be there", name, path)
			})
			if step := s.step(); step != "" {
				in := payloads[step].in
				if in == nil {
					t.Errorf("payloads does not know %s", step)
					continue
				}
				for _, field := range excess(value, understood(in), "") {
					t.Errorf("%q hands over %s, which %s does not know", name, field, in)
				}
			}
			paths := []string{s.CausePath}
			for _, c := range s.Choices {
				paths = append(paths, c.Variable, c.StringEqualsPath)
			}
			for _, path := range paths {
				if _, ok := data[name].at(path); path != "" && !ok {
					t.Errorf("%q reads %s, which may not be there", name, path)
				}
			}
		}
	})
}

// data is what is certain of the execution's data when it enters a state.
func (m machine) data(t *testing.T) map[string]shape {
	t.Helper()
	entered := map[string]shape{m.StartAt: nil} // anything may be sent
	for todo := []string{m.StartAt}; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		enter := func(next string, with shape) {
			before, been := entered[next]
			if been {
				with = common(before, with)
			}
			if !been || !reflect.DeepEqual(before, with) {
				entered[next] = with
				todo = append(todo, next)
			}
		}
		s, in := m.States[name], entered[name]
		out := in.with(path(t, s.ResultPath), s.result(t, in))
		if string(s.ResultPath) == "null" || s.Type == "Choice" || s.Type == "Wait" {
			out = in
		}
		uncaught := s
		uncaught.Catch = nil
		for _, next := range uncaught.next() {
			enter(next, out)
		}
		for _, c := range s.Catch {
			caught := in
			if string(c.ResultPath) != "null" {
				caught = in.with(path(t, c.ResultPath), shape{"Error": nil, "Cause": nil})
			}
			enter(c.Next, caught)
		}
	}
	return entered
}

// path decodes a ResultPath; without one a result takes the place of all data.
func path(t *testing.T, p []byte) string {
	t.Helper()
	text := "$"
	if len(p) > 0 && string(p) != "null" {
		if err := json.Unmarshal(p, &text); err != nil {
			t.Fatal(err)
		}
	}
	return text
}

// result is what a state makes of its data, before ResultPath puts it somewhere.
func (s state) result(t *testing.T, in shape) shape {
	t.Helper()
	switch {
	case s.Type == "Task":
		if p, ok := payloads[s.step()]; ok {
			return written(p.out)
		}
		return nil // of an integration of AWS's own nothing is used
	case len(s.Result) > 0:
		var value any
		if err := json.Unmarshal(s.Result, &value); err != nil {
			t.Fatal(err)
		}
		return literal(value, nil)
	default:
		return s.payload(t, in, func(string) {})
	}
}

// payload is the value of a state's Parameters, or all data without; lost hears of paths that may lead nowhere.
func (s state) payload(t *testing.T, in shape, lost func(string)) shape {
	t.Helper()
	if len(s.Parameters) == 0 {
		return in
	}
	return literal(parameters(t, s), func(path string) shape {
		if strings.HasPrefix(path, "$$.") {
			return nil // Step Functions' own context is always there
		}
		value, ok := in.at(path)
		if !ok {
			lost(path)
		}
		return value
	})
}

// literal is the shape of a JSON text; a member whose name ends in ".$" is looked up.
func literal(value any, lookup func(path string) shape) shape {
	object, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	s := shape{}
	for name, member := range object {
		if reference, ok := strings.CutSuffix(name, ".$"); ok && lookup != nil {
			path, _ := member.(string)
			s[reference] = lookup(path)
			continue
		}
		s[name] = literal(member, lookup)
	}
	return s
}
