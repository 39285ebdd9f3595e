package contract

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// What the rule makes of a detector's event is what the runbook takes. An event that lacks a field is not lost: the other
// rule's pattern is the first one's opposite.
func TestWhatADetectorReportsStartsTheRunbook(t *testing.T) {
	tm := readTemplate(t)
	type pattern struct {
		EventBusName string
		EventPattern struct {
			DetailType []string                    `json:"detail-type"`
			Detail     map[string][]map[string]any `json:"detail"`
		}
	}
	r, sent := properties[pattern](t, tm, "DetectedCompromise"), properties[rule](t, tm, "DetectedCompromise").Targets[0].InputTransformer
	if r.EventBusName != "${Detectors}" || !slices.Equal(r.EventPattern.DetailType, []string{"credential.compromised"}) {
		t.Errorf("the rule is %+v", r)
	}
	event := map[string]string{
		"$.source": "penguinmails.leak-monitor", "$.detail.tenant_id": "acme", "$.detail.incident_id": "D-7", "$.detail.compromise_details": "seen \"there\"",
	}
	text := sent.InputTemplate
	for name, path := range sent.InputPathsMap {
		value, err := json.Marshal(event[path])
		if err != nil || event[path] == "" {
			t.Fatalf("the rule takes %s from its event: %v", path, err)
		}
		text = strings.ReplaceAll(text, "<"+name+">", string(value))
		field := strings.TrimPrefix(path, "$.detail.")
		if path != "$.source" && !cmp.Equal(r.EventPattern.Detail[field], []map[string]any{{"exists": true}}) {
			t.Errorf("the rule takes events without %s", field)
		}
		delete(event, path)
	}
	if len(event) > 0 {
		t.Errorf("the rule does not hand on %v", event)
	}
	var got tenant.Incident
	if err := json.Unmarshal([]byte(text), &got, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	want := tenant.Incident{
		TenantID: "acme", IncidentID: "D-7", CompromiseDetails: `seen "there"`, Reason: "credential.compromised",
		RequestedBy: "penguinmails.leak-monitor", Detected: true,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the runbook is started with (-want +got):\n%s", d)
	}

	type opposite struct {
		EventBusName string
		EventPattern struct {
			DetailType []string                                 `json:"detail-type"`
			Detail     map[string][]map[string][]map[string]any `json:"detail"`
		}
	}
	kept := properties[opposite](t, tm, "UnreadableDetection")
	var lacking []string
	for _, one := range kept.EventPattern.Detail["$or"] {
		for field, is := range one {
			if cmp.Equal(is, []map[string]any{{"exists": false}}) {
				lacking = append(lacking, field)
			}
		}
	}
	slices.Sort(lacking)
	if kept.EventBusName != r.EventBusName || !slices.Equal(kept.EventPattern.DetailType, r.EventPattern.DetailType) ||
		!slices.Equal(lacking, []string{"compromise_details", "incident_id", "tenant_id"}) {
		t.Errorf("what lacks a field: %+v", kept)
	}
}

// Whoever may report may have passwords replaced: this account alone.
func TestTheDetectorsBusIsThisAccounts(t *testing.T) {
	admitted := 0
	for _, g := range grants(t, readTemplate(t)) {
		if g.Kind != "AWS::Events::EventBus" {
			continue
		}
		admitted++
		if g.Effect != "Allow" || !slices.Equal(g.Principal["AWS"], list{accountRoot}) || len(g.Principal) != 1 || !slices.Equal(g.Action, list{"events:PutEvents"}) {
			t.Error(g)
		}
	}
	if admitted != 1 {
		t.Errorf("%d statements", admitted)
	}
}
