package tenant

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// Request starts the runbook vps-recovery.
type Request struct {
	TenantID string `json:"tenant_id"`
	Reason   string `json:"reason"`
	// NewVPSIP and HostKey name a server that is there already; both or none.
	NewVPSIP    netip.Addr `json:"new_vps_ip"`
	HostKey     string     `json:"host_key"`
	Force       bool       `json:"force"`
	RequestedBy string     `json:"requested_by"`
	// Mode is empty; or "plan": nothing is taken and nothing is changed; or "clean-up": what ended executions left
	// behind is put back, and nothing is recovered.
	Mode string `json:"mode"`
}

const (
	plan    = "plan"
	cleanUp = "clean-up"
)

// LockInput is what the state machine hands to LockTenant: the start input whole, and the execution.
type LockInput struct {
	Input     json.RawMessage `json:"input"`
	Execution task.Execution  `json:"execution"`
}

// Validate checks the part that the state machine itself fills.
func (in LockInput) Validate() error { return in.Execution.Validate() }

// ExecutionARN is the execution that was started with the input.
func (in LockInput) ExecutionARN() string { return in.Execution.ARN }

// Locked is the tenant that the execution holds, and the request in its one form; every later step takes it. All members
// are always there: a state machine cannot ask for a missing one.
type Locked struct {
	Tenant  Tenant `json:"tenant"`
	Fencing int64  `json:"fencing"` // 0 for a plan: no guard lets that pass
	Plan    bool   `json:"plan"`
	CleanUp bool   `json:"clean_up"`
	// Inherited: ended executions left the lease, and maybe more, behind. They are those of Tenant.Lease, and Former is
	// the highest number under which one of them can have changed the zone.
	Inherited   bool       `json:"inherited"`
	Former      int64      `json:"former"`
	Force       bool       `json:"force"`
	NewVPSIP    netip.Addr `json:"new_vps_ip"` // empty where a server is to be built
	HostKey     string     `json:"host_key"`   // of that server
	Reason      string     `json:"reason"`
	RequestedBy string     `json:"requested_by"`
}

// Executions knows which executions still run. An execution that nobody knows does not.
type Executions interface {
	Running(ctx context.Context, executionARN string) (bool, error)
}

// Restores knows whether Vault is being restored.
type Restores interface {
	// Guard is RestoreUnderway while it is.
	Guard(context.Context) error
}

// Locker is the step LockTenant.
type Locker struct {
	Registry   Registry
	Executions Executions
	Restores   Restores
	Now        func() time.Time
	Lifetime   time.Duration // of an execution: its state machine's TimeoutSeconds
}

// Lock validates the request and takes the tenant's lease for the execution. An execution that holds it already gets the
// same answer again, so the step may be repeated. A plan takes nothing, and meets the same refusals. While Vault is restored
// nothing is recovered, for the credentials would be those of the backup; a clean-up needs none.
//
// Faults: InvalidInput; TenantUnknown; TenantLocked, with the holder's ARN, where that still runs; RestoreUnderway;
// AWSUnavailable, AWSRefused. After AWSUnavailable the lease may be taken or not: ask again.
func (l Locker) Lock(ctx context.Context, in LockInput) (Locked, error) {
	var r Request
	if err := strictjson.Unmarshal(in.Input, &r); err != nil {
		return Locked{}, fault.InvalidInput.Tellf("%w", err)
	}
	if err := r.check(l.Registry.Addresses); err != nil {
		return Locked{}, fault.InvalidInput.Tellf("%w", err)
	}
	out := Locked{
		Plan: r.Mode == plan, CleanUp: r.Mode == cleanUp, Force: r.Force, NewVPSIP: r.NewVPSIP, HostKey: r.HostKey,
		Reason: r.Reason, RequestedBy: r.RequestedBy,
	}
	err := untilSettled(ctx, "lock "+r.TenantID, func() (settled bool, err error) {
		out.Tenant, settled, err = l.attempt(ctx, in.Execution.ARN, r)
		return settled, err
	})
	if err != nil {
		return Locked{}, err
	}
	if !out.Plan {
		out.Fencing, out.Former = out.Tenant.Lease.Fencing, out.Tenant.Lease.Fencing-1
		out.Inherited = len(out.Tenant.Lease.LeftBehind) > 0
	}
	return out, nil
}

// attempt takes the lease exactly as it was read, or does not.
func (l Locker) attempt(ctx context.Context, execution string, r Request) (t Tenant, settled bool, err error) {
	t, err = l.Registry.Find(ctx, r.TenantID)
	if err != nil {
		return Tenant{}, false, err
	}
	if t.Lease.Holder == execution {
		return t, true, nil
	}
	if err := t.mustBeFree(ctx, l.Executions); err != nil {
		return Tenant{}, false, err
	}
	if r.Mode != cleanUp {
		if err := l.Restores.Guard(ctx); err != nil {
			return Tenant{}, false, err
		}
	}
	if r.Mode == plan {
		return t, true, nil
	}
	return l.Registry.write(ctx, r.TenantID, change{
		set:  "SET #lease = :taken",
		when: "#lease.#fencing = :fencing AND #lease.#holder = :holder",
		values: values{
			"fencing": t.Lease.Fencing, "holder": t.Lease.Holder,
			"taken": Lease{
				Holder: execution, Fencing: t.Lease.Fencing + 1, Expires: l.Now().Add(l.Lifetime).UTC().Truncate(time.Second),
				LeftBehind: t.Lease.remains(),
			},
		},
	})
}

// remains are the ended executions whose traces nobody has cleaned up yet, an ended holder among them.
func (l Lease) remains() []string {
	left := append([]string{}, l.LeftBehind...)
	if l.Holder != "" && !slices.Contains(left, l.Holder) {
		left = append(left, l.Holder)
	}
	return left
}

// UnderWay reports whether an execution that still runs holds the lease. An execution which has ended does not start to
// run again, so a no holds for as long as the lease is unchanged. Faults: those of Executions.
func (t Tenant) UnderWay(ctx context.Context, executions Executions) (bool, error) {
	if t.Lease.Holder == "" {
		return false, nil
	}
	return executions.Running(ctx, t.Lease.Holder)
}

// mustBeFree is TenantLocked where an execution that still runs holds the lease.
func (t Tenant) mustBeFree(ctx context.Context, executions Executions) error {
	underWay, err := t.UnderWay(ctx, executions)
	switch {
	case err != nil:
		return err
	case underWay:
		return fault.TenantLocked.Tellf("%s is held by %s, which ends by %s at the latest",
			t.ID, t.Lease.Holder, t.Lease.Expires.Format(time.RFC3339))
	}
	return nil
}

func (r Request) check(addresses Addresses) error {
	err := cmp.Or(checkID(r.TenantID), checkText("reason", r.Reason, maxText))
	if err == nil && r.RequestedBy != "" {
		err = checkText("requested_by", r.RequestedBy, maxText)
	}
	switch {
	case err != nil:
		return err
	case r.Mode != "" && r.Mode != plan && r.Mode != cleanUp:
		return errors.New(`mode is neither left out nor "plan" nor "clean-up"`)
	case r.Mode == cleanUp && (r.Force || r.NewVPSIP.IsValid()):
		return errors.New(`mode "clean-up" recovers nothing: force and new_vps_ip do not go with it`)
	case r.NewVPSIP.IsValid() != (r.HostKey != ""):
		return errors.New("new_vps_ip and host_key come together: a server is trusted by its key only")
	case r.NewVPSIP.IsValid():
		return cmp.Or(addresses.checkIPv4(r.NewVPSIP, "new_vps_ip"), checkHostKey("host_key", r.HostKey))
	}
	return nil
}
