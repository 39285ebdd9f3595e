package vps

import (
	"context"
	"errors"
	"strconv"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// Lease is the tenant's lease: a step that changes anything asks first whether its execution still holds it.
type Lease interface {
	// Guard is fault.LeaseLost when a newer execution has taken the tenant over.
	Guard(ctx context.Context, tenantID string, fencing int64) error
}

// Project opens the provider's project for one invocation: its token may have been changed since the last.
type Project interface {
	Open(context.Context) (*Provider, error)
}

// FenceInput names the server that must stop serving the tenant.
type FenceInput struct {
	TenantID string `json:"tenant_id"`
	Fencing  int64  `json:"fencing"`
	ServerID string `json:"server_id"`
	// Reboot asks for a restart instead: the gentler attempt, before a server is given up.
	Reboot    bool           `json:"reboot"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input that names no server or no lease.
func (in FenceInput) Validate() error {
	if in.TenantID == "" || in.ServerID == "" || in.Fencing < 1 {
		return errors.New("tenant_id, server_id or fencing is missing")
	}
	return in.Execution.Validate()
}

// Fenced is what was asked of the provider; CheckVps sees whether it came true.
type Fenced struct {
	ServerID string `json:"server_id"`
	State    State  `json:"state"`
}

// Fencer is the step FenceVps.
type Fencer struct {
	Project Project
	Lease   Lease
}

// Fence cuts the old server's power and protects its disk, or reboots it. Two servers that are alive for one tenant are
// worse than none: the runbook goes on only when CheckVps has seen this one off. A server that is gone already stays so;
// one that is off is started by a reboot alone.
func (f Fencer) Fence(ctx context.Context, in FenceInput) (Fenced, error) {
	id, err := serverID(in.ServerID)
	if err != nil {
		return Fenced{}, err
	}
	if err := f.Lease.Guard(ctx, in.TenantID, in.Fencing); err != nil {
		return Fenced{}, err
	}
	provider, err := f.Project.Open(ctx)
	if err != nil {
		return Fenced{}, err
	}
	ask := provider.retire
	if in.Reboot {
		ask = provider.Reboot
	}
	server, err := provider.Get(ctx, id)
	if err != nil {
		return Fenced{}, err
	}
	if server.State != Gone {
		if err := ask(ctx, id); err != nil {
			return Fenced{}, err
		}
	}
	return Fenced{ServerID: in.ServerID, State: server.State}, nil
}

// retire takes a server out of service for good and keeps its disk. The protection comes first, because the provider
// refuses it while the server is being switched off; whatever comes of it, the power is cut.
func (p *Provider) retire(ctx context.Context, id int64) error {
	protected := p.Protect(ctx, id)
	if err := p.PowerOff(ctx, id); err != nil {
		return err
	}
	return protected
}

// serverID reads the provider's number from the registry's text.
func serverID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 || strconv.FormatInt(id, 10) != text { // one server has one spelling
		return 0, fault.InvalidInput.Tellf("%q is no server id of this provider", text)
	}
	return id, nil
}
