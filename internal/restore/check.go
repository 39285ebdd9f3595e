package restore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// CheckInput asks what is left of Vault, or what has become of it.
type CheckInput struct {
	// Require, if given, says which states will do; any other is a fault of its own name.
	Require Requirement `json:"require"`
	// ClusterID is the identity that a restored Vault will have: the manifest's. A restore is acknowledged before it is
	// applied, and Vault looks well all the while; that the node has become the cluster of the snapshot is the proof.
	ClusterID string `json:"cluster_id"`
	// Marker is the execution whose marker must be gone before Vault counts as restored: Vault was this very cluster all
	// along. Empty where it was not.
	Marker string `json:"marker"`
	// Checks counts the checks before this one.
	Checks    int            `json:"checks"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses a requirement that nobody knows.
func (in CheckInput) Validate() error {
	switch {
	case in.Require != "" && refusals[in.Require] == nil:
		return fmt.Errorf("require is neither empty nor %q nor %q", Leading, Restorable)
	case in.ClusterID == "" && in.Require != Leading:
		return errors.New("cluster_id is missing")
	}
	return in.Execution.Validate()
}

// Requirement is what Vault is needed for.
type Requirement string

const (
	// Leading: a node must lead, so that Vault can be read and written.
	Leading Requirement = "leading"
	// Restorable: there must be one thing to do: an empty node to restore into, a seal to open, or a Vault that is alive.
	Restorable Requirement = "restorable"
)

// State sums up every node.
type State string

const (
	// Empty: exactly one node answers, and it is uninitialised.
	Empty State = "empty"
	// SeveralEmpty: more than one node is uninitialised.
	SeveralEmpty State = "several-empty"
	// Sealed: a node holds data and is sealed, and none leads.
	Sealed State = "sealed"
	// Leaderless: nodes run, none leads.
	Leaderless State = "leaderless"
	// Active: a node leads, and it is not the cluster of the backup, or not yet what the backup holds.
	Active State = "active"
	// Restored: the leading node is the cluster of the backup, and no marker says that it is to become it.
	Restored State = "restored"
	// Removed: the only nodes that answer were told by another Vault that they are no members of it. A snapshot names the
	// leader that it was taken from, and a node that was restored from it asks there first: an old Vault that still runs
	// takes it for a stranger, and the node marks itself for ever.
	Removed State = "removed"
	// Unreachable: no node answers.
	Unreachable State = "unreachable"
)

// refusals are the faults of the states that do not do.
var refusals = map[Requirement]map[State]fault.Name{
	Leading: {
		Empty:        fault.VaultUninitialized,
		SeveralEmpty: fault.VaultUninitialized,
		Sealed:       fault.VaultSealed,
		Leaderless:   fault.NoLeader,
		Removed:      fault.VaultRemoved,
		Unreachable:  fault.VaultUnreachable,
	},
	Restorable: {
		SeveralEmpty: fault.NotASingleEmptyNode,
		Leaderless:   fault.NoLeader,
		Removed:      fault.VaultRemoved,
		Unreachable:  fault.VaultUnreachable,
	},
	// Nobody waits for what cannot come.
	"": {Removed: fault.VaultRemoved},
}

// Vault is what CheckVault found.
type Vault struct {
	State State `json:"state"`
	// Node is the address of the one empty node, or of the leader.
	Node string `json:"node"`
	// Checks counts the checks up to this one.
	Checks int          `json:"checks"`
	Nodes  []NodeStatus `json:"nodes"`
}

// NodeStatus is what one node says of itself.
type NodeStatus struct {
	Address string      `json:"address"`
	State   vault.State `json:"state"`
}

// Checker is the step CheckVault.
type Checker struct {
	Cluster  *vault.Cluster
	Identity vault.Identity
}

// Check asks every node for its state, and where there is a marker to look for, logs in to look. It touches nothing.
func (c Checker) Check(ctx context.Context, in CheckInput) (Vault, error) {
	found := Vault{Checks: in.Checks + 1}
	count := map[vault.State]int{}
	at := map[vault.State]string{}
	leader := ""
	for _, n := range c.Cluster.Nodes() {
		health := n.Health(ctx)
		found.Nodes = append(found.Nodes, NodeStatus{n.Address, health.State})
		count[health.State]++
		at[health.State] = n.Address
		if health.State == vault.Active {
			leader = health.ClusterID
		}
	}
	found.State, found.Node = sum(count, at, leader == in.ClusterID && !c.pending(ctx, in.Marker))
	if name, refused := refusals[in.Require][found.State]; refused {
		return Vault{}, name.Tellf("%s", found.describe())
	}
	return found, nil
}

// pending reports whether Vault may still be what it was before the execution fed it a snapshot. While Vault applies one,
// logins and reads fail in many ways: whatever fails proves nothing, and is looked at again.
func (c Checker) pending(ctx context.Context, marker string) bool {
	if marker == "" {
		return false
	}
	session, err := c.Cluster.Login(ctx, c.Identity)
	if err != nil {
		slog.WarnContext(ctx, "the marker cannot be looked for", "error", err.Error())
		return true
	}
	defer session.Logout(ctx)
	stands, err := marked(ctx, session, marker)
	if err != nil {
		slog.WarnContext(ctx, "the marker cannot be looked for", "error", err.Error())
	}
	return stands
}

// sum is the one state that the runbook acts on. A node that leads counts before everything else; then what can be
// recovered with less loss than by a restore: data under seal, which is opened first, for a node that waits for a leader
// may be waiting for one that is sealed; then data without a leader.
func sum(count map[vault.State]int, at map[vault.State]string, restored bool) (State, string) {
	switch {
	case count[vault.Active] > 0 && restored:
		return Restored, at[vault.Active]
	case count[vault.Active] > 0:
		return Active, at[vault.Active]
	case count[vault.Sealed] > 0:
		return Sealed, at[vault.Sealed]
	case count[vault.Standby] > 0:
		return Leaderless, ""
	case count[vault.Removed] > 0:
		return Removed, ""
	case count[vault.Uninitialized] > 1:
		return SeveralEmpty, ""
	case count[vault.Uninitialized] == 1:
		return Empty, at[vault.Uninitialized]
	}
	return Unreachable, ""
}

func (v Vault) describe() string {
	words := make([]string, len(v.Nodes))
	for i, n := range v.Nodes {
		words[i] = fmt.Sprintf("%s is %s", n.Address, n.State)
	}
	return strings.Join(words, ", ")
}
