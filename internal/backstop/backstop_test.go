package backstop

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

const (
	prefix  = "arn:aws:states:eu-central-1:123456789012:execution:"
	ended   = prefix + "vps-recovery:one"
	machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:vps-recovery"
)

var startedAt = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)

// machines is Step Functions with one ended execution, and those that were started since.
type machines struct {
	status  types.ExecutionStatus
	err     string
	input   string
	started map[string]string
	refuse  error
}

func (m *machines) DescribeExecution(_ context.Context, in *sfn.DescribeExecutionInput, _ ...func(*sfn.Options)) (*sfn.DescribeExecutionOutput, error) {
	out := &sfn.DescribeExecutionOutput{
		ExecutionArn: in.ExecutionArn, Status: m.status, Input: aws.String(m.input), StartDate: aws.Time(startedAt),
	}
	if m.err != "" {
		out.Error = aws.String(m.err)
	}
	return out, m.refuse
}

func (m *machines) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	if m.refuse != nil {
		return nil, m.refuse
	}
	if aws.ToString(in.StateMachineArn) != machine {
		return nil, &types.StateMachineDoesNotExist{}
	}
	name := aws.ToString(in.Name)
	if _, there := m.started[name]; there {
		return nil, &types.ExecutionAlreadyExists{}
	}
	m.started[name] = aws.ToString(in.Input)
	return &sfn.StartExecutionOutput{}, nil
}

// registry holds one tenant, whose lease has the holder.
type registry struct {
	holder string
	err    error
}

func (r registry) Find(_ context.Context, id string) (tenant.Tenant, error) {
	if r.err != nil {
		return tenant.Tenant{}, r.err
	}
	if id != "acme" {
		return tenant.Tenant{}, fault.TenantUnknown.Tellf("%s", id)
	}
	t := tenant.Tenant{Lease: tenant.Lease{Holder: r.holder}}
	t.ID = id
	return t, nil
}

func report(t *testing.T, m *machines, r registry, input string) (Report, error) {
	t.Helper()
	return Reporter{Executions: m, Tenants: r}.Report(t.Context(), ReportInput{
		Input: json.RawMessage(input), Execution: task.Execution{ARN: prefix + "backstop:x", StartedAt: startedAt, State: "ReportFailure"},
	})
}

func TestReport(t *testing.T) {
	const acme, other = `{"tenant_id":"acme","reason":"x"}`, `{"tenant_id":"other","reason":"x"}`
	for name, tt := range map[string]struct {
		status types.ExecutionStatus
		err    string
		input  string
		holder string
		silent bool
		tenant string
		left   bool
	}{
		"told, clean":          {types.ExecutionStatusFailed, "FailedClean", acme, "", false, "", false},
		"told, dirty":          {types.ExecutionStatusFailed, "FailedDirty", acme, ended, false, "", false},
		"stumbled":             {types.ExecutionStatusFailed, "States.Runtime", acme, ended, true, "acme", true},
		"out of time":          {types.ExecutionStatusTimedOut, "States.Timeout", acme, ended, true, "acme", true},
		"stopped":              {types.ExecutionStatusAborted, "", acme, ended, true, "acme", true},
		"stopped, released":    {types.ExecutionStatusAborted, "", acme, "", true, "acme", false},
		"stopped, overtaken":   {types.ExecutionStatusAborted, "", acme, prefix + "vps-recovery:two", true, "acme", false},
		"nobody's":             {types.ExecutionStatusAborted, "", other, ended, true, "", false},
		"of no tenant":         {types.ExecutionStatusAborted, "", `{"tier":"daily"}`, ended, true, "", false},
		"of another form":      {types.ExecutionStatusAborted, "", `["acme"]`, ended, true, "", false},
		"an id of other type":  {types.ExecutionStatusAborted, "", `{"tenant_id":7}`, ended, true, "", false},
		"succeeded after all":  {types.ExecutionStatusSucceeded, "", acme, ended, false, "", false},
		"stopped, half a text": {types.ExecutionStatusAborted, "", `{"tenant_id":`, ended, true, "", false},
	} {
		m := &machines{status: tt.status, err: tt.err, input: tt.input}
		got, err := report(t, m, registry{holder: tt.holder}, `{"execution_arn":"`+ended+`"}`)
		want := Report{
			Silent: tt.silent, Execution: ended, StartedAt: startedAt, Machine: "vps-recovery", Status: string(tt.status), Error: tt.err,
			TenantID: tt.tenant, LeftBehind: tt.left,
		}
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
}

func TestReportRefuses(t *testing.T) {
	for input, want := range map[string]fault.Name{
		`{}`:                                  fault.InvalidInput,
		`{"execution_arn":"` + machine + `"}`: fault.InvalidInput,
		`{"execution_arn":"arn:aws:states:eu-central-1:123456789012:execution:vps-recovery:"}`: fault.InvalidInput,
		`{"execution_arn":"arn:aws:lambda:eu-central-1:123456789012:execution:a:b"}`:           fault.InvalidInput,
		`{"execution_arn":"` + ended + `","x":1}`:                                              fault.InvalidInput,
	} {
		if _, err := report(t, &machines{status: types.ExecutionStatusAborted}, registry{}, input); !fault.Is(err, want) {
			t.Errorf("%s: %v, want %s", input, err, want)
		}
	}
	good := `{"execution_arn":"` + ended + `"}`
	_, err := report(t, &machines{status: types.ExecutionStatusRunning}, registry{}, good)
	if !fault.Is(err, fault.Unexpected) {
		t.Errorf("of one that runs: %v", err)
	}
	_, err = report(t, &machines{refuse: context.DeadlineExceeded}, registry{}, good)
	if !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("Step Functions silent: %v", err)
	}
	_, err = report(t, &machines{status: types.ExecutionStatusAborted, input: `{"tenant_id":"acme"}`},
		registry{err: fault.AWSUnavailable.Errorf("silent")}, good)
	if !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("the registry silent: %v", err)
	}
}

// automation is the stop switch.
type automation bool

func (a automation) Switch(context.Context) (tenant.Switch, error) {
	return tenant.Switch{Stopped: bool(a)}, nil
}

func TestACleanUpIsStartedOnceForEachExecution(t *testing.T) {
	m := &machines{started: map[string]string{}}
	c := Cleaner{Automation: automation(false), Machine: launch.Machine{Client: m, ARN: machine}}
	for _, execution := range []string{ended, ended, prefix + "vps-recovery:two"} {
		got, err := c.Start(t.Context(), CleanUpInput{TenantID: "acme", Execution: execution})
		if err != nil || !got.Started {
			t.Fatalf("%s: %v, %v", execution, got, err)
		}
	}
	if len(m.started) != 2 {
		t.Errorf("started %v", m.started)
	}
	for name, input := range m.started {
		if len(name) > 80 || input != `{"tenant_id":"acme","mode":"clean-up","reason":"an execution ended without cleaning up","requested_by":"backstop"}` {
			t.Errorf("%s was started with %s", name, input)
		}
	}
}

func TestACleanUpThatIsNotStarted(t *testing.T) {
	m := &machines{started: map[string]string{}}
	in := CleanUpInput{TenantID: "acme", Execution: ended}
	if got, err := (Cleaner{Automation: automation(true), Machine: launch.Machine{Client: m, ARN: machine}}).Start(t.Context(), in); err != nil || got.Started || len(m.started) > 0 {
		t.Errorf("while automation is stopped: %v, %v", got, err)
	}
	m.refuse = context.DeadlineExceeded
	_, err := Cleaner{Automation: automation(false), Machine: launch.Machine{Client: m, ARN: machine}}.Start(t.Context(), in)
	if !fault.Is(err, fault.AWSUnavailable) {
		t.Errorf("Step Functions silent: %v", err)
	}
	for _, bad := range []CleanUpInput{{Execution: ended}, {TenantID: "acme", Execution: machine}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}
