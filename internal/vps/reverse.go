package vps

import (
	"context"
	"errors"
	"net/netip"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// ReverseInput is a server whose addresses are to carry the tenant's host name.
type ReverseInput struct {
	TenantID  string         `json:"tenant_id"`
	Fencing   int64          `json:"fencing"`
	ServerID  string         `json:"server_id"`
	Hostname  string         `json:"hostname"`
	IP        netip.Addr     `json:"ip"`
	IPv6      netip.Addr     `json:"ipv6"` // empty for a server without one
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input that names no server, no address or no name.
func (in ReverseInput) Validate() error {
	if in.TenantID == "" || in.ServerID == "" || in.Hostname == "" || in.Fencing < 1 {
		return errors.New("tenant_id, fencing, server_id or hostname is missing")
	}
	if !in.IP.IsValid() {
		return errors.New("ip is missing")
	}
	return in.Execution.Validate()
}

// Reversed is what the provider serves now.
type Reversed struct {
	// Addresses are those whose PTR record is the host's name.
	Addresses []netip.Addr `json:"addresses"`
}

// Reverser is the step SetReverseDns.
type Reverser struct {
	Project Project
	Lease   Lease
}

// Reverse makes the tenant's host name the PTR record of each of the server's addresses. The provider does that in its own
// time; until it serves the name the step is to be tried again.
func (r Reverser) Reverse(ctx context.Context, in ReverseInput) (Reversed, error) {
	id, err := serverID(in.ServerID)
	if err != nil {
		return Reversed{}, err
	}
	if err := r.Lease.Guard(ctx, in.TenantID, in.Fencing); err != nil {
		return Reversed{}, err
	}
	provider, err := r.Project.Open(ctx)
	if err != nil {
		return Reversed{}, err
	}
	done := Reversed{Addresses: []netip.Addr{in.IP}}
	if in.IPv6.IsValid() {
		done.Addresses = append(done.Addresses, in.IPv6)
	}
	for _, ip := range done.Addresses {
		if err := provider.SetReverseDNS(ctx, id, ip, in.Hostname); err != nil {
			return Reversed{}, err
		}
		served, err := provider.ReverseDNS(ctx, id, ip)
		if err != nil {
			return Reversed{}, err
		}
		if served != in.Hostname {
			return Reversed{}, fault.ProviderUnavailable.Errorf("the reverse DNS of %s is being set", ip)
		}
	}
	return done, nil
}
