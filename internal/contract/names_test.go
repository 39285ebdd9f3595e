package contract

import (
	"bytes"
	"go/ast"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/vault/policies"
)

// A step has one name: its folder's. Function, role and log group carry it.
func TestEveryStepIsOneFunctionOneRoleOneLogGroup(t *testing.T) {
	tm := readTemplate(t)
	for _, step := range steps(t) {
		id := title(step)
		f := properties[function](t, tm, id+"Function")
		if tm.Resources[id+"Function"].Type != "AWS::Serverless::Function" {
			t.Errorf("%sFunction is a %s", id, tm.Resources[id+"Function"].Type)
		}
		if f.FunctionName != "pmdr-"+step || f.CodeUri != "functions/"+step+"/" || f.Role != "${"+id+"Role.Arn}" {
			t.Errorf("%sFunction is %s from %s as %s", id, f.FunctionName, f.CodeUri, f.Role)
		}
		r := properties[role](t, tm, id+"Role")
		if r.RoleName != "pmdr-"+step || !slices.Equal(r.ManagedPolicyArns, []string{"${FunctionBasics}"}) {
			t.Errorf("%sRole is %s with %v", id, r.RoleName, r.ManagedPolicyArns)
		}
		if l := properties[logGroup](t, tm, id+"Logs"); l.LogGroupName != "/aws/lambda/pmdr-"+step {
			t.Errorf("%sLogs is %s", id, l.LogGroupName)
		}
	}
}

func TestEveryRunbookIsOneMachineOneRoleOneLogGroup(t *testing.T) {
	tm := readTemplate(t)
	for _, runbook := range runbooks(t) {
		id := title(runbook)
		m := properties[stateMachine](t, tm, id+"StateMachine")
		if m.Name != runbook || m.DefinitionUri != "statemachines/"+runbook+".asl.json" || m.Role != "${"+id+"Role.Arn}" {
			t.Errorf("%sStateMachine is %s from %s as %s", id, m.Name, m.DefinitionUri, m.Role)
		}
		r := properties[role](t, tm, id+"Role")
		if r.RoleName != "pmdr-"+runbook || !slices.Equal(r.ManagedPolicyArns, []string{"${StateMachineBasics}"}) {
			t.Errorf("%sRole is %s with %v", id, r.RoleName, r.ManagedPolicyArns)
		}
		if l := properties[logGroup](t, tm, id+"Logs"); l.LogGroupName != "/aws/vendedlogs/states/"+runbook {
			t.Errorf("%sLogs is %s", id, l.LogGroupName)
		}
	}
}

// The way back: what the template holds belongs to a folder, a file, or the rule of that name.
func TestNoResourceIsAnOrphan(t *testing.T) {
	tm := readTemplate(t)
	known := map[string][]string{
		"AWS::Serverless::Function":     suffixed(steps(t), "Function"),
		"AWS::Serverless::StateMachine": suffixed(runbooks(t), "StateMachine"),
		"AWS::Logs::LogGroup":           suffixed(slices.Concat(steps(t), runbooks(t)), "Logs"),
		"AWS::IAM::Role":                suffixed(slices.Concat(steps(t), runbooks(t)), "Role"),
	}
	for id, r := range ofType[rule](t, tm, "AWS::Events::Rule") {
		if r.invokes() || r.keeps() {
			continue
		}
		known["AWS::IAM::Role"] = append(known["AWS::IAM::Role"], id+"Role")
		if got := properties[role](t, tm, id+"Role").RoleName; got != "pmdr-"+kebab(id) {
			t.Errorf("%sRole is %s", id, got)
		}
	}
	for id, r := range tm.Resources {
		if ids, ok := known[r.Type]; ok && !slices.Contains(ids, id) {
			t.Errorf("%s, a %s, belongs to no folder of functions/ and to no file of statemachines/", id, r.Type)
		}
	}
}

func suffixed(names []string, suffix string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = title(name) + suffix
	}
	return out
}

var placeholder = regexp.MustCompile(`\$\{(\w+)\}`)

// A machine's substitutions are exactly the functions that its ASL calls, and every step is called.
func TestSubstitutionsAreTheStepsOfTheMachine(t *testing.T) {
	tm := readTemplate(t)
	called := map[string]bool{}
	for _, runbook := range runbooks(t) {
		given := properties[stateMachine](t, tm, title(runbook)+"StateMachine").DefinitionSubstitutions
		used := map[string]bool{}
		for _, m := range placeholder.FindAllSubmatch(read(t, "statemachines/"+runbook+".asl.json"), -1) {
			name := string(m[1])
			used[name] = true
			called[name] = true
			step, ok := strings.CutSuffix(name, "FunctionArn")
			if !ok || !slices.Contains(steps(t), kebab(step)) {
				t.Errorf("%s: ${%s} is no step", runbook, name)
			} else if given[name] != "${"+step+"Function.Arn}" {
				t.Errorf("%s: the template gives %q for ${%s}", runbook, given[name], name)
			}
		}
		for name := range given {
			if !used[name] {
				t.Errorf("%s: the template gives ${%s}, and no state uses it", runbook, name)
			}
		}
	}
	for _, step := range steps(t) {
		if called[title(step)+"FunctionArn"] == slices.Contains(apart, step) {
			t.Errorf("no state machine calls %s, or one calls what is no step", step)
		}
	}
}

// apart are the functions that are no step of a runbook: people and onboarding call them, rules and the topic of the
// alarms.
var apart = []string{"approve-restore", "probe-platform", "register-tenant", "set-automation", "start-recovery", "sweep-credentials", "sweep-tenants"}

// A state's name says what kind of state it is, and which function it calls.
func TestStatesAreNamedByTheRule(t *testing.T) {
	endings := map[string]string{"Succeeded": "Succeed", "RecoveredWithoutRestore": "Succeed", "FailedClean": "Fail", "FailedDirty": "Fail"}
	sentence := regexp.MustCompile(`^[A-Z][a-z]*( [a-z]+)+$`)
	eachMachine(t, func(t *testing.T, m machine) {
		for _, name := range m.names() {
			s := m.States[name]
			if s.End {
				t.Errorf("%q ends the execution by itself: only the endings do", name)
			}
			ok := false
			switch s.Type {
			case "Task":
				step := s.step()
				ok = strings.HasPrefix(s.Resource, "arn:aws:states:::aws-sdk:") ||
					slices.Contains(steps(t), step) && strings.HasPrefix(name, title(step))
			case "Wait":
				ok = strings.HasPrefix(name, "WaitFor")
			case "Choice":
				ok = strings.HasSuffix(name, "?")
			case "Pass":
				ok = sentence.MatchString(name)
			case "Succeed", "Fail":
				ok = endings[name] == s.Type
			}
			if !ok {
				t.Errorf("%q is not a name for this %s", name, s.Type)
			}
		}
	})
}

// Main says in its first words which step it is, and only wires.
func TestMainIsShortAndSaysItsName(t *testing.T) {
	const longest = 40
	for _, step := range steps(t) {
		file := readSource(t, "functions/"+step).files[0]
		if !strings.HasPrefix(file.Doc.Text(), title(step)+" ") {
			t.Errorf("functions/%s/main.go does not begin with %q", step, "// "+title(step))
		}
		if lines := bytes.Count(read(t, "functions/"+step+"/main.go"), []byte("\n")); lines > longest {
			t.Errorf("functions/%s/main.go has %d lines: what it does belongs into internal/", step, lines)
		}
	}
}

// Whoever logs in to Vault does so under its own name, and has a policy of that name; nobody else has one.
func TestVaultPoliciesAreThoseOfTheStepsThatLogIn(t *testing.T) {
	all := policies.All()
	for _, step := range steps(t) {
		logsIn := false
		visit(readSource(t, "functions/"+step), func(n *ast.CompositeLit) {
			if spelled(n.Type) != "vault.Identity" {
				return
			}
			logsIn = true
			if got := vaultRole(n); got != step {
				t.Errorf("functions/%s logs in to Vault as %q", step, got)
			}
		})
		if _, has := all[step]; has != logsIn {
			t.Errorf("%s: logs in to Vault %t, has a policy %t", step, logsIn, has)
		}
		delete(all, step)
	}
	for name := range all {
		t.Errorf("internal/vault/policies/%s.hcl belongs to no step", name)
	}
}

func vaultRole(identity *ast.CompositeLit) string {
	for _, element := range identity.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok || spelled(pair.Key) != "Role" {
			continue
		}
		if text, ok := pair.Value.(*ast.BasicLit); ok {
			if value, err := strconv.Unquote(text.Value); err == nil {
				return value
			}
		}
	}
	return ""
}
