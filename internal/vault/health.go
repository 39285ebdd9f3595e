package vault

import (
	"context"
	"time"
)

// State is what one node says of itself.
type State string

const (
	// Active: unsealed and leading.
	Active State = "active"
	// Standby: unsealed, follows a leader or waits for one.
	Standby State = "standby"
	// Sealed: initialised, its keys are not in memory.
	Sealed State = "sealed"
	// Removed: its cluster has told it that it is no member. It seals itself, and nothing opens it again.
	Removed State = "removed"
	// Uninitialized: an empty node.
	Uninitialized State = "uninitialized"
	// Unreachable: no answer, or none that a Vault would give.
	Unreachable State = "unreachable"
)

// Health is one node's state and identity.
type Health struct {
	State State
	// Version is Vault's own, "1.21.0".
	Version string
	// ClusterID is empty unless the node is unsealed.
	ClusterID string
	// Time is Vault's clock, to the second, the clock that stamps every secret's version.
	Time time.Time
}

// Health asks sys/health. A node that does not answer is Unreachable: that is an answer too, so there is no error.
func (n *Node) Health(ctx context.Context) Health {
	answer, err := n.probe.Sys().HealthWithContext(ctx)
	if err != nil || answer.Version == "" { // Vault always says its version; a stranger's "{}" would look like an empty node
		return Health{State: Unreachable}
	}
	h := Health{
		State:     Active,
		Version:   answer.Version,
		ClusterID: answer.ClusterID,
		Time:      time.Unix(answer.ServerTimeUTC, 0).UTC(),
	}
	switch {
	case !answer.Initialized:
		h.State = Uninitialized
	case answer.RemovedFromCluster != nil && *answer.RemovedFromCluster:
		h.State = Removed
	case answer.Sealed:
		h.State = Sealed
	case answer.Standby || answer.PerformanceStandby:
		h.State = Standby
	}
	return h
}
