package vps

import (
	"context"
	"errors"
	"net/netip"

	"github.com/penguinmails/disaster-recovery/internal/task"
)

// CheckInput asks what has become of a server.
type CheckInput struct {
	TenantID string `json:"tenant_id"`
	ServerID string `json:"server_id"`
	// HostKey is the key that a new server must prove; empty for a server that is only to be seen off.
	HostKey string `json:"host_key"`
	// Checks counts the checks before this one.
	Checks    int            `json:"checks"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input that names no server.
func (in CheckInput) Validate() error {
	if in.ServerID == "" {
		return errors.New("server_id is missing")
	}
	return in.Execution.Validate()
}

// Checked is what the provider says, and what the network does.
type Checked struct {
	State State `json:"state"`
	// Fenced: the server is off or gone and can do no harm.
	Fenced bool `json:"fenced"`
	// Up: the server runs, proved its host key, and its first boot is over.
	Up     bool       `json:"up"`
	IP     netip.Addr `json:"ip"`
	IPv6   netip.Addr `json:"ipv6"`
	Region string     `json:"region"`
	Type   string     `json:"type"`
	Checks int        `json:"checks"`
}

// Door is the way into a server.
type Door interface {
	// Open reports whether the server answers, proves the host key, and its first boot is over.
	Open(ctx context.Context, tenantID string, ip netip.Addr, hostKey string) (bool, error)
}

// Checker is the step CheckVps.
type Checker struct {
	Project Project
	Door    Door
}

// Check asks the provider, and knocks at the server where a host key is given. It touches nothing.
func (c Checker) Check(ctx context.Context, in CheckInput) (Checked, error) {
	id, err := serverID(in.ServerID)
	if err != nil {
		return Checked{}, err
	}
	provider, err := c.Project.Open(ctx)
	if err != nil {
		return Checked{}, err
	}
	server, err := provider.Get(ctx, id)
	if err != nil {
		return Checked{}, err
	}
	found := Checked{
		State: server.State, Fenced: server.State.Fenced(), IP: server.IPv4, IPv6: server.IPv6,
		Region: server.Region, Type: server.Type, Checks: in.Checks + 1,
	}
	if in.HostKey != "" && server.State == Running && server.IPv4.IsValid() {
		found.Up, err = c.Door.Open(ctx, in.TenantID, server.IPv4, in.HostKey)
	}
	return found, err
}
