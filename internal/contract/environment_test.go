package contract

import (
	"slices"
	"testing"
)

// A function finds every variable that its code requires, and is given none of its own that its code does not read.
func TestFunctionsGetTheVariablesTheyRead(t *testing.T) {
	tm := readTemplate(t)
	unread := map[string]bool{}
	for name := range tm.Globals.Function.Environment.Variables {
		unread[name] = true
	}
	for _, step := range steps(t) {
		own := properties[function](t, tm, title(step)+"Function").Environment.Variables
		reads := variables(t, readSource(t, "functions/"+step), "environment")
		for _, v := range reads {
			delete(unread, v.name)
			set := own[v.name]
			if set == "" {
				set = tm.Globals.Function.Environment.Variables[v.name]
			}
			if v.required && set == "" {
				t.Errorf("%s requires %s, and the template does not set it", step, v.name)
			}
		}
		for name := range own {
			if !slices.ContainsFunc(reads, func(v variable) bool { return v.name == name }) {
				t.Errorf("%s does not read %s", step, name)
			}
		}
	}
	for name := range unread {
		t.Errorf("no function reads %s", name)
	}
}
