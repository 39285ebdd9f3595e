package backup

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	experimental "github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// night is when the rule fires; the planner runs a minute later.
var (
	night   = time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)
	now     = night.Add(time.Minute)
	clock   = func() time.Time { return now }
	running = task.Execution{
		ARN:       "arn:aws:states:us-east-1:123456789012:execution:vault-backup:tonight",
		StartedAt: night.Add(17*time.Second + 123*time.Millisecond), State: "PlanBackup",
	}
)

// manifests is an archive in which the listed slots are taken; the fault of a slot is what asking for it fails with.
type manifests map[archive.Slot]error

func (m manifests) Manifest(_ context.Context, slot archive.Slot) (archive.Signed, bool, error) {
	err, taken := m[slot]
	return archive.Signed{}, taken && err == nil, err
}

func plan(t *testing.T, there manifests, input string) (Plan, error) {
	t.Helper()
	return Planner{Manifests: there, Now: clock}.Plan(t.Context(), PlanInput{Input: json.RawMessage(input), Execution: running})
}

// pass hands a value from one step to the next as the runtime does.
func pass[T any](t *testing.T, v T) (out T) {
	t.Helper()
	text, err := experimental.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := strictjson.Unmarshal(text, &out); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

const (
	daily    = `{"tier":"daily","scheduled_time":"2026-11-24T02:00:00Z","reason":"nightly","requested_by":"rule"}`
	onDemand = `{"tier":"on-demand","reason":"before the upgrade","requested_by":"ada"}`
	onChange = `{"tier":"on-change","reason":"rotation","requested_by":"credential-rotation"}`
)

func TestPlan(t *testing.T) {
	today, month := archive.SlotAt(archive.Daily, night), archive.SlotAt(archive.Monthly, night)
	demand, change := archive.SlotAt(archive.OnDemand, running.StartedAt), archive.SlotAt(archive.OnChange, night)
	for _, c := range []struct {
		name  string
		there manifests
		input string
		want  Plan
	}{
		{"the first night of a month", nil, daily,
			Plan{Tier: archive.Daily, Slot: today, PromoteTo: month, Reason: "nightly", RequestedBy: "rule"}},
		{"a month that has one", manifests{month: nil}, daily,
			Plan{Tier: archive.Daily, Slot: today, Reason: "nightly", RequestedBy: "rule"}},
		{"a night that has one", manifests{month: nil, today: nil}, daily,
			Plan{Tier: archive.Daily, Slot: today, Reason: "nightly", RequestedBy: "rule", AlreadyVerified: true}},
		{"a night that has one, not promoted yet", manifests{today: nil}, daily,
			Plan{Tier: archive.Daily, Slot: today, PromoteTo: month, Reason: "nightly", RequestedBy: "rule", AlreadyVerified: true}},
		{"on demand", nil, onDemand,
			Plan{Tier: archive.OnDemand, Slot: demand, Reason: "before the upgrade", RequestedBy: "ada"}},
		{"only a plan", nil, `{"tier":"on-demand","mode":"plan"}`, Plan{Tier: archive.OnDemand, Slot: demand, Only: true}},
		{"on change", nil, onChange,
			Plan{Tier: archive.OnChange, Slot: change, Reason: "rotation", RequestedBy: "credential-rotation"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := plan(t, c.there, c.input)
			if err != nil {
				t.Fatal(err)
			}
			if id, err := uuid.Parse(got.CaptureID); err != nil || id.String() != got.CaptureID {
				t.Errorf("the capture id %q is no UUID: %v", got.CaptureID, err)
			}
			c.want.CaptureID = got.CaptureID
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("- wanted, + planned:\n%s", d)
			}
			if d := cmp.Diff(got, pass(t, got)); d != "" {
				t.Errorf("the next step gets another plan:\n%s", d)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	long := strings.Repeat("x", maxText+1)
	for name, c := range map[string]struct{ input, says string }{
		"nothing":             {``, "JSON value"},
		"cut":                 {`{"tier":"daily"`, "JSON value"},
		"more than one value": {daily + daily, "JSON value"},
		"a list":              {`[]`, "object"},
		"a string":            {`"daily"`, "object"},
		"a number":            {`7`, "object"},
		"null":                {`null`, "tier is missing"},
		"an empty object":     {`{}`, "tier is missing"},
		"null as the tier":    {`{"tier":null}`, "tier is missing"},
		"a number as tier":    {`{"tier":1}`, `"tier"`},
		"an unknown field":    {`{"tier":"on-demand","force":true}`, `"force"`},
		"a field twice":       {`{"tier":"on-demand","tier":"on-change"}`, `"tier"`},
		"wrongly cased":       {`{"Tier":"on-demand"}`, `"Tier"`},
		"a tier wrongly cased": {
			`{"tier":"Daily","scheduled_time":"2026-11-24T02:00:00Z"}`, "tier is none of"},
		"an unknown tier":            {`{"tier":"weekly"}`, "tier is none of"},
		"an unknown mode":            {`{"tier":"on-demand","mode":"Plan"}`, "mode is neither"},
		"monthly, not for asking":    {`{"tier":"monthly"}`, "tier is none of"},
		"daily without a time":       {`{"tier":"daily"}`, "scheduled_time is missing"},
		"daily with a date":          {`{"tier":"daily","scheduled_time":"2026-11-24"}`, "not a time"},
		"daily with nonsense":        {`{"tier":"daily","scheduled_time":"<aws.scheduler.scheduled-time>"}`, "not a time"},
		"daily on no day":            {`{"tier":"daily","scheduled_time":"2026-11-31T02:00:00Z"}`, "not a time"},
		"daily without a zone":       {`{"tier":"daily","scheduled_time":"2026-11-24T02:00:00"}`, "not a time"},
		"a minute too far ahead":     {`{"tier":"daily","scheduled_time":"2026-11-24T02:06:01Z"}`, "future"},
		"tomorrow":                   {`{"tier":"daily","scheduled_time":"2026-11-25T02:00:00Z"}`, "future"},
		"a second too old":           {`{"tier":"daily","scheduled_time":"2026-11-23T02:00:59Z"}`, "24 hours old"},
		"last year":                  {`{"tier":"daily","scheduled_time":"2025-11-24T02:00:00Z"}`, "24 hours old"},
		"old in another zone":        {`{"tier":"daily","scheduled_time":"2026-11-23T13:00:00+14:00"}`, "24 hours old"},
		"on demand with a time":      {`{"tier":"on-demand","scheduled_time":"2026-11-24T02:00:00Z"}`, "daily tier only"},
		"on change with a time":      {`{"tier":"on-change","scheduled_time":"2026-11-24T02:00:00Z"}`, "daily tier only"},
		"a long reason":              {`{"tier":"on-demand","reason":"` + long + `"}`, "at most 256"},
		"somebody with a long name":  {`{"tier":"on-demand","requested_by":"` + long + `"}`, "at most 256"},
		"a reason of many runes":     {`{"tier":"on-demand","reason":"` + strings.Repeat("é", 129) + `"}`, "at most 256"},
		"a reason that is an object": {`{"tier":"on-demand","reason":{}}`, `"reason"`},
	} {
		t.Run(name, func(t *testing.T) {
			asked := Planner{Manifests: never{t}, Now: clock}
			got, err := asked.Plan(t.Context(), PlanInput{Input: json.RawMessage(c.input), Execution: running})
			if !fault.Is(err, fault.InvalidInput) || got != (Plan{}) {
				t.Fatalf("%+v, %v", got, err)
			}
			if told := fault.Of(err).Public; !strings.Contains(told, c.says) {
				t.Errorf("the operator is told %q, not %q", told, c.says)
			}
		})
	}
}

// The step gets the start input whole, inside its own: what is wrong within is the planner's to say.
func TestPlanInput(t *testing.T) {
	const execution = `"execution":{"arn":"arn:x","started_at":"2026-11-24T02:00:17.123Z","state":"PlanBackup"}}`
	for text, want := range map[string]fault.Name{
		`{"input":` + daily + `,` + execution:                  "",
		`{"input":{"tier":"on-demand","extra":1},` + execution: fault.InvalidInput,
		`{"input":null,` + execution:                           fault.InvalidInput,
		`{` + execution:                                        fault.InvalidInput,
	} {
		var in PlanInput
		if err := strictjson.Unmarshal([]byte(text), &in); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if err := in.Validate(); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		got, err := Planner{Manifests: manifests{}, Now: clock}.Plan(t.Context(), in)
		if want == "" && (err != nil || got.Tier != archive.Daily) || want != "" && !fault.Is(err, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// never is an archive that must not be asked.
type never struct{ t *testing.T }

func (n never) Manifest(_ context.Context, slot archive.Slot) (archive.Signed, bool, error) {
	n.t.Errorf("the archive is asked for %s", slot)
	return archive.Signed{}, false, nil
}

func TestScheduledTime(t *testing.T) {
	for input, want := range map[string]string{
		"2026-11-24T02:00:00Z":      "backups/2026-11-24",
		"2026-11-24T02:06:00Z":      "backups/2026-11-24", // five minutes ahead: clocks differ
		"2026-11-23T02:01:00Z":      "backups/2026-11-23", // 24 hours to the second
		"2026-11-23T23:59:59.999Z":  "backups/2026-11-23",
		"2026-11-23T20:00:00-06:00": "backups/2026-11-24",
		"2026-11-24T01:30:00+02:00": "backups/2026-11-23",
	} {
		got, err := plan(t, nil, `{"tier":"daily","scheduled_time":"`+input+`"}`)
		if err != nil || got.Slot.String() != want {
			t.Errorf("%s: %s, %v, want %s", input, got.Slot, err, want)
		}
	}
}

// A month is that of the slot, not of the moment in which the planner runs.
func TestPromoteAtTheEndOfAMonth(t *testing.T) {
	p := Planner{Now: func() time.Time { return time.Date(2027, 1, 1, 0, 10, 0, 0, time.UTC) }, Manifests: manifests{}}
	in := PlanInput{Execution: running, Input: json.RawMessage(`{"tier":"daily","scheduled_time":"2026-12-31T23:55:00Z"}`)}
	got, err := p.Plan(t.Context(), in)
	if err != nil || got.Slot.String() != "backups/2026-12-31" || got.PromoteTo.String() != "monthly/2026-12" {
		t.Errorf("%+v, %v", got, err)
	}
}

// A backup that was asked for is taken, whoever was there first; only a repeat of the same execution finds its own.
func TestATakenSlotIsPassedOver(t *testing.T) {
	for input, tier := range map[string]archive.Tier{onDemand: archive.OnDemand, onChange: archive.OnChange} {
		first := archive.SlotAt(tier, running.StartedAt)
		second, third := first.Next(), first.Next().Next()
		others := held{first: "another execution", second: "yet another"}
		got, err := Planner{Manifests: others, Now: clock}.Plan(t.Context(), PlanInput{Input: json.RawMessage(input), Execution: running})
		if err != nil || got.Slot != third || got.AlreadyVerified {
			t.Errorf("%s: slot %s, verified %v, %v; want %s", tier, got.Slot, got.AlreadyVerified, err, third)
		}
		own := held{first: "another execution", second: running.ARN}
		got, err = Planner{Manifests: own, Now: clock}.Plan(t.Context(), PlanInput{Input: json.RawMessage(input), Execution: running})
		if err != nil || got.Slot != second || !got.AlreadyVerified {
			t.Errorf("%s: slot %s, verified %v, %v; want its own, %s", tier, got.Slot, got.AlreadyVerified, err, second)
		}
	}
}

// held is an archive whose slots were filled by the named executions.
type held map[archive.Slot]string

func (h held) Manifest(_ context.Context, slot archive.Slot) (archive.Signed, bool, error) {
	execution, found := h[slot]
	return archive.Signed{Manifest: archive.Manifest{Slot: slot, Execution: execution}}, found, nil
}

// Every attempt of an execution makes the same capture, and no other execution does.
func TestCaptureID(t *testing.T) {
	id := func(e task.Execution) string {
		got, err := Planner{Manifests: manifests{}, Now: clock}.Plan(t.Context(), PlanInput{Input: json.RawMessage(daily), Execution: e})
		if err != nil {
			t.Fatal(err)
		}
		return got.CaptureID
	}
	first := id(running)
	again := running
	again.State, again.StartedAt = "PlanBackupOnceMore", running.StartedAt.In(time.FixedZone("east", 3600))
	if id(again) != first {
		t.Error("the second attempt makes another capture")
	}
	sameName, other := running, running
	sameName.StartedAt = running.StartedAt.Add(time.Millisecond)
	other.ARN += "-2"
	if id(sameName) == first || id(other) == first || id(sameName) == id(other) {
		t.Error("two executions make one capture")
	}
}

// A file that only lies under the manifest's name takes nobody's slot: neither the day's nor the month's.
func TestPlanOverAForgery(t *testing.T) {
	day, month := archive.SlotAt(archive.Daily, night), archive.SlotAt(archive.Monthly, night)
	for _, slot := range []archive.Slot{day, month} {
		got, err := plan(t, manifests{slot: fault.BackupForged.Errorf("%s", slot)}, daily)
		if err != nil || got.Slot != day || got.PromoteTo != month || got.AlreadyVerified {
			t.Errorf("%s: %+v, %v", slot, got, err)
		}
	}
	moment := archive.SlotAt(archive.OnDemand, running.StartedAt)
	if got, err := plan(t, manifests{moment: fault.BackupForged.Errorf("%s", moment)}, onDemand); err != nil || got.Slot != moment {
		t.Errorf("%+v, %v", got, err)
	}
}

// An archive that does not answer is no empty one.
func TestPlanFails(t *testing.T) {
	for _, slot := range []archive.Slot{archive.SlotAt(archive.Daily, night), archive.SlotAt(archive.Monthly, night)} {
		for _, name := range []fault.Name{fault.AWSRefused, fault.AWSUnavailable} {
			if got, err := plan(t, manifests{slot: name.Errorf("%s", slot)}, daily); !fault.Is(err, name) || got != (Plan{}) {
				t.Errorf("%s: %+v, %v", slot, got, err)
			}
		}
	}
}

func TestInputsValidate(t *testing.T) {
	whole := Plan{Tier: archive.Daily, Slot: archive.SlotAt(archive.Daily, night), CaptureID: "id"}
	promoting := whole
	promoting.PromoteTo = archive.SlotAt(archive.Monthly, night)
	for name, c := range map[string]struct {
		in    interface{ Validate() error }
		valid bool
	}{
		"plan":                   {PlanInput{Execution: running}, true},
		"plan, no execution":     {PlanInput{}, false},
		"snapshot":               {SnapshotInput{Plan: whole, Execution: running}, true},
		"snapshot, no execution": {SnapshotInput{Plan: whole}, false},
		"snapshot, no slot":      {SnapshotInput{Plan: Plan{CaptureID: "id"}, Execution: running}, false},
		"snapshot, no id":        {SnapshotInput{Plan: Plan{Slot: whole.Slot}, Execution: running}, false},
		"inventory":              {InventoryInput{Plan: whole, Snapshot: Snapshot{CapturedAt: night}, Execution: running}, true},
		"inventory, no slot":     {InventoryInput{Snapshot: Snapshot{CapturedAt: night}, Execution: running}, false},
		"inventory, no moment":   {InventoryInput{Plan: whole, Execution: running}, false},
		"verify":                 {VerifyInput{Slot: whole.Slot, CaptureID: "id", Execution: running}, true},
		"verify, no execution":   {VerifyInput{Slot: whole.Slot, CaptureID: "id"}, false},
		"verify, no slot":        {VerifyInput{CaptureID: "id", Execution: running}, false},
		"verify, no id":          {VerifyInput{Slot: whole.Slot, Execution: running}, false},
		"promote":                {PromoteInput{Plan: promoting, Execution: running}, true},
		"promote, no execution":  {PromoteInput{Plan: promoting}, false},
		"promote, nowhere":       {PromoteInput{Plan: whole, Execution: running}, false},
		"prune":                  {PruneInput{Execution: running}, true},
		"prune, no execution":    {PruneInput{}, false},
	} {
		if err := c.in.Validate(); (err == nil) != c.valid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
