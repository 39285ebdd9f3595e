package restore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// CheckInput asks what is left of Vault, or what has become of it.
type CheckInput struct {
	// Require, if given, is the only state that may be: anything else is a fault of its own name. The runbook asks for
	// "empty" before it touches a node.
	Require State `json:"require"`
	// ClusterID is the identity that a restored Vault will have: the manifest's. A restore is acknowledged before it is
	// applied, and Vault looks well all the while; that the node has become the cluster of the snapshot is the proof.
	ClusterID string `json:"cluster_id"`
	// Checks counts the checks before this one.
	Checks    int            `json:"checks"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses a requirement that nobody could meet.
func (in CheckInput) Validate() error {
	if in.Require != "" && in.Require != Empty {
		return fmt.Errorf("require can only be %q", Empty)
	}
	if in.ClusterID == "" {
		return errors.New("cluster_id is missing")
	}
	return in.Execution.Validate()
}

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
	// Active: a node leads, and it is not the cluster of the backup.
	Active State = "active"
	// Restored: the leading node is the cluster of the backup.
	Restored State = "restored"
	// Unreachable: no node answers.
	Unreachable State = "unreachable"
)

// refusal is the fault with which the runbook stops before it touches a node.
var refusal = map[State]fault.Name{
	SeveralEmpty: fault.NotASingleEmptyNode,
	Sealed:       fault.VaultSealed,
	Leaderless:   fault.NoLeader,
	Active:       fault.VaultActive,
	Restored:     fault.VaultActive,
	Unreachable:  fault.VaultUnreachable,
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
type Checker struct{ Cluster *vault.Cluster }

// Check asks every node for its state. It touches nothing.
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
	found.State, found.Node = sum(count, at, leader == in.ClusterID)
	if in.Require != "" && in.Require != found.State {
		return Vault{}, refusal[found.State].Tellf("%s", found.describe())
	}
	return found, nil
}

// sum is the one state that the runbook acts on. A node that leads counts before everything else; then what can be
// recovered with less loss than by a restore: data under seal, data without a leader.
func sum(count map[vault.State]int, at map[vault.State]string, restored bool) (State, string) {
	switch {
	case count[vault.Active] > 0 && restored:
		return Restored, at[vault.Active]
	case count[vault.Active] > 0:
		return Active, at[vault.Active]
	case count[vault.Standby] > 0:
		return Leaderless, ""
	case count[vault.Sealed] > 0:
		return Sealed, at[vault.Sealed]
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
