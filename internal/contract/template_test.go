package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// template is template.yaml with every intrinsic function written as Sub would write it: !Ref X is "${X}",
// !GetAtt X.Arn is "${X.Arn}", !Sub is its text. So two ways of naming the same thing compare equal.
type template struct {
	Globals   struct{ Function function }
	Resources map[string]resource
}

// resource is one resource of the template; the field names here and below are CloudFormation's.
type resource struct {
	Type                string
	DeletionPolicy      string
	UpdateReplacePolicy string
	Properties          json.RawMessage
}

type function struct {
	FunctionName string
	CodeUri      string
	Role         string
	Timeout      int
	Environment  struct{ Variables map[string]string }
	// EventInvokeConfig is for whom nobody waits: rules and topics.
	EventInvokeConfig struct {
		MaximumRetryAttempts, MaximumEventAgeInSeconds int
		DestinationConfig                              struct {
			OnFailure struct{ Type, Destination string }
		}
	}
}

type stateMachine struct {
	Name                    string
	DefinitionUri           string
	DefinitionSubstitutions map[string]string
	Role                    string
	Tracing                 struct{ Enabled bool }
	Logging                 struct {
		Level                string
		IncludeExecutionData *bool
		Destinations         []struct{ CloudWatchLogsLogGroup struct{ LogGroupArn string } }
	}
}

type role struct {
	RoleName          string
	ManagedPolicyArns []string
	Policies          []struct{ PolicyDocument document }
}

type logGroup struct {
	LogGroupName    string
	RetentionInDays int
}

func readTemplate(t *testing.T) template {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(read(t, "template.yaml"), &document); err != nil {
		t.Fatal(err)
	}
	if err := plain(&document); err != nil {
		t.Fatal(err)
	}
	var content any
	if err := document.Decode(&content); err != nil {
		t.Fatal(err)
	}
	var out template
	convert(t, content, &out)
	if len(out.Resources) == 0 {
		t.Fatal("template.yaml has no resources")
	}
	return out
}

// plain replaces CloudFormation's short tags, which YAML knows nothing of. A tag that it does not know is an error: what
// these tests cannot read they cannot vouch for.
func plain(n *yaml.Node) error {
	switch {
	case n.Kind == yaml.ScalarNode && (n.Tag == "!Ref" || n.Tag == "!GetAtt"):
		n.Value = "${" + n.Value + "}"
		n.Tag = "!!str"
	case n.Kind == yaml.ScalarNode && n.Tag == "!Sub":
		n.Tag = "!!str"
	case n.Kind == yaml.SequenceNode && slices.Contains([]string{"!Not", "!Equals"}, n.Tag):
		n.Tag = "!!seq"
	case len(n.Tag) > 1 && n.Tag[0] == '!' && n.Tag[1] != '!':
		return fmt.Errorf("template.yaml:%d: these tests do not understand %s here", n.Line, n.Tag)
	}
	for _, child := range n.Content {
		if err := plain(child); err != nil {
			return err
		}
	}
	return nil
}

// convert passes a value through JSON, where a Go field name is CloudFormation's name.
func convert(t *testing.T, from, into any) {
	t.Helper()
	text, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// ofType gives the properties of every resource of one type, by logical id.
func ofType[T any](t *testing.T, from template, kind string) map[string]T {
	t.Helper()
	found := map[string]T{}
	for id, r := range from.Resources {
		if r.Type == kind {
			found[id] = properties[T](t, from, id)
		}
	}
	if len(found) == 0 {
		t.Fatalf("template.yaml has no %s", kind)
	}
	return found
}

// properties are those of one resource; a resource that is not there is a failure.
func properties[T any](t *testing.T, from template, id string) T {
	t.Helper()
	var out T
	r, ok := from.Resources[id]
	if !ok {
		t.Fatalf("template.yaml has no resource %s", id)
	}
	convert(t, r.Properties, &out)
	return out
}
