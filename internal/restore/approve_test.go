package restore

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/penguinmails/disaster-recovery/internal/approval"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vault/vaulttest"
)

// functions notes what was called; a function fails with its entry.
type functions struct {
	calls []string
	sent  map[string]map[string]any
	fail  map[string]string // by function: the answer, or "away"
}

func (f *functions) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	name := aws.ToString(in.FunctionName)
	f.calls = append(f.calls, name)
	var payload map[string]any
	if err := json.Unmarshal(in.Payload, &payload); err != nil {
		return nil, err
	}
	f.sent[name] = payload
	switch answer := f.fail[name]; answer {
	case "":
		return &lambda.InvokeOutput{Payload: []byte("{}")}, nil
	case "away":
		return nil, context.DeadlineExceeded
	default:
		return &lambda.InvokeOutput{FunctionError: aws.String("Unhandled"), Payload: []byte(answer)}, nil
	}
}

// given notes what was stored.
type given struct {
	all  []approval.Approval
	fail error
}

func (g *given) Give(_ context.Context, a approval.Approval) error {
	if g.fail == nil {
		g.all = append(g.all, a)
	}
	return g.fail
}

func approving(t *testing.T) (Approver, *functions, *given) {
	t.Helper()
	f, g := &functions{sent: map[string]map[string]any{}, fail: map[string]string{}}, &given{}
	return Approver{
		Selector: Selector{Archive: full(t)}, Cluster: open(t, liveNode(t)), Giver: g,
		Herald: HeraldConfig{RecordAudit: "record", AlertSecurity: "security", AlertOperations: "operations"}.With(f),
		Now:    func() time.Time { return started },
	}, f, g
}

func proposal() Proposal {
	return Proposal{BackupDate: "2026-11-22", ClusterID: vaulttest.ClusterID, RequestedBy: "mira", ApprovedBy: "ines", Reason: "the import was wrong"}
}

// called is a context as Lambda makes it.
func called(t *testing.T) context.Context {
	return lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{
		AwsRequestID: "request-1", InvokedFunctionArn: "arn:aws:lambda:eu-central-1:123456789012:function:pmdr-approve-restore",
	})
}

func TestApprove(t *testing.T) {
	a, f, g := approving(t)
	got, err := a.Approve(called(t), proposal())
	want := approval.New(approval.Approval{
		ClusterID: vaulttest.ClusterID, ManifestSHA256: "digest of backups/2026-11-22", BackupDate: "2026-11-22",
		RequestedBy: "mira", ApprovedBy: "ines", Reason: "the import was wrong",
	}, started)
	if err != nil || got != want || !reflect.DeepEqual(g.all, []approval.Approval{want}) {
		t.Fatalf("Approve = %+v, %v; stored %+v; want %+v", got, err, g.all, want)
	}
	if !slices.Equal(f.calls, []string{"record", "security", "operations"}) {
		t.Errorf("called %v", f.calls)
	}
	record := f.sent["record"]
	details, _ := record["details"].(map[string]any)
	call, _ := record["execution"].(map[string]any)
	if record["event"] != "restore_approved" || record["severity"] != "critical" || record["requested_by"] != "mira" ||
		details["manifest_sha256"] != want.ManifestSHA256 || details["approved_by"] != "ines" ||
		call["arn"] != "arn:aws:lambda:eu-central-1:123456789012:function:pmdr-approve-restore:request-1" {
		t.Errorf("recorded %v", record)
	}
	p := proposal()
	p.ClusterID = ""
	if got, err := a.Approve(called(t), p); err != nil || got != want {
		t.Errorf("without the cluster's id: %+v, %v", got, err)
	}
}

func TestWhatIsNotApproved(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*Approver, *Proposal)
		want  fault.Name
	}{
		"by who asks":          {func(_ *Approver, p *Proposal) { p.ApprovedBy = " MIRA" }, fault.InvalidInput},
		"as it was shown":      {func(_ *Approver, p *Proposal) { p.ApprovedBy = "?" }, fault.InvalidInput},
		"by nobody":            {func(_ *Approver, p *Proposal) { p.ApprovedBy = "" }, fault.InvalidInput},
		"for nobody":           {func(_ *Approver, p *Proposal) { p.RequestedBy = "" }, fault.InvalidInput},
		"for an odd name":      {func(_ *Approver, p *Proposal) { p.RequestedBy = "x' y" }, fault.InvalidInput},
		"for no reason":        {func(_ *Approver, p *Proposal) { p.Reason = "" }, fault.InvalidInput},
		"for a long reason":    {func(_ *Approver, p *Proposal) { p.Reason = strings.Repeat("é", 400) }, fault.InvalidInput},
		"the latest":           {func(_ *Approver, p *Proposal) { p.BackupDate = "latest" }, fault.InvalidInput},
		"no date":              {func(_ *Approver, p *Proposal) { p.BackupDate = "" }, fault.InvalidInput},
		"no such backup":       {func(_ *Approver, p *Proposal) { p.BackupDate = "2026-11-20" }, fault.BackupNotFound},
		"another Vault":        {func(_ *Approver, p *Proposal) { p.ClusterID = "another" }, fault.InvalidInput},
		"a Vault that is dead": {func(a *Approver, _ *Proposal) { a.Cluster = open(t, vaulttest.StartAll(t, "uninitialized")...) }, fault.VaultUninitialized},
	} {
		a, f, g := approving(t)
		p := proposal()
		tt.spoil(&a, &p)
		_, err := a.Approve(called(t), p)
		wantFault(t, name, err, tt.want)
		if len(g.all) != 0 {
			t.Errorf("%s: stored %+v", name, g.all)
		}
		details, _ := f.sent["record"]["details"].(map[string]any)
		if f.sent["record"]["event"] != "restore_denied" || details["fault"] != string(tt.want) || !slices.Equal(f.calls, []string{"record", "security", "operations"}) {
			t.Errorf("%s: called %v, recorded %v", name, f.calls, f.sent["record"])
		}
		// A refusal stands even where it cannot be recorded.
		f.fail["record"], f.fail["security"] = "away", "away"
		_, err = a.Approve(called(t), p)
		wantFault(t, name, err, tt.want)
	}
}

// What is not in the audit trail is not approved; that somebody could not be told takes nothing back.
func TestAnApprovalIsRecordedFirst(t *testing.T) {
	for answer, want := range map[string]fault.Name{
		"away": fault.AWSUnavailable,
		`{"errorType":"AuditConflict","errorMessage":"never-to-be-seen"}`: fault.AuditConflict,
		`{"errorType":"Runtime.ExitError"}`:                               fault.AWSUnavailable,
		`no JSON`:                                                         fault.AWSUnavailable,
	} {
		a, f, g := approving(t)
		f.fail["record"] = answer
		_, err := a.Approve(called(t), proposal())
		wantFault(t, answer, err, want)
		if len(g.all) != 0 {
			t.Errorf("%s: stored %+v", answer, g.all)
		}
	}
	a, f, g := approving(t)
	f.fail["security"] = "away"
	if _, err := a.Approve(called(t), proposal()); err != nil || len(g.all) != 1 || !slices.Contains(f.calls, "operations") {
		t.Errorf("security is out of reach: %v, stored %v, called %v", err, g.all, f.calls)
	}
	a, _, g = approving(t)
	g.fail = errors.New("silent")
	if _, err := a.Approve(called(t), proposal()); !errors.Is(err, g.fail) {
		t.Errorf("the table is silent: %v", err)
	}
}
