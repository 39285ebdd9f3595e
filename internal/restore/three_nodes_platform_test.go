//go:build platform

package restore

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// A Vault of three nodes loses its quorum, and then everything, and comes back as docs/vault.md says: by the steps of the
// runbook into one empty node, which two emptied ones join.
func TestThreeNodes(t *testing.T) {
	t.Parallel()
	c := startReal(t, 3, byPeople)
	c.fill()
	var snapshot []byte
	var want inventory.Inventory

	c.step("saving finds the leader, wherever it is", func(t *testing.T) {
		if session := c.session(); session.Address != c.nodes[2].URL() {
			t.Fatalf("the leader is %s, and not the last node", session.Address)
		}
		snapshot, want = c.capture()
	})

	// A standby points to the leader. Whoever follows gives the root token away, and may take a refusal for a success.
	c.step("a standby is not followed", func(t *testing.T) {
		for _, n := range c.cluster.Nodes()[:2] {
			if state := n.Health(t.Context()).State; state != vault.Standby {
				t.Fatalf("%s is %s", n.Address, state)
			}
			standby := c.at(n)
			_, err := standby.Snapshot(t.Context())
			wantFault(t, "saving from a standby", err, fault.VaultUnreachable)
			wantFault(t, "restoring into a standby", standby.RestoreForced(t.Context(), bytes.NewReader(snapshot)), fault.VaultUnreachable)
		}
		c.proves(want) // the leader has taken nothing: a restore would have sealed it
	})

	c.step("one of three has no leader, and no restore", func(t *testing.T) {
		c.kill(1, 2)
		c.until("the last node has lost its leader", func() bool { return c.check().State == Leaderless })
		_, err := Checker{Cluster: c.cluster}.Check(t.Context(), CheckInput{Require: Restorable, ClusterID: want.ClusterID, Execution: execution})
		wantFault(t, "restoring over a lost quorum", err, fault.NoLeader)
		_, _, err = c.cluster.Leader(t.Context())
		wantFault(t, "saving without a quorum", err, fault.NoLeader)
	})

	c.step("peers.json brings the last node back", func(t *testing.T) {
		if err := c.nodes[0].Stop(); err != nil {
			t.Fatal(err)
		}
		o := c.nodes[0].Options()
		peers, err := json.Marshal([]map[string]any{{"id": o.Name, "address": o.ClusterAddress, "non_voter": false}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(o.Dir, "data", "raft", "peers.json"), peers, 0o600); err != nil {
			t.Fatal(err)
		}
		c.start(0)
		c.unseal(0)
		c.until("the last node leads", func() bool { return c.check().State == Restored })
		c.proves(want)
	})

	seeder, b, in := c.seeding(snapshot)
	c.step("two empty nodes are one too many", func(t *testing.T) {
		c.kill(0)
		c.wipe(0, 1, 2)
		c.start(0)
		c.start(1)
		_, err := Checker{Cluster: c.cluster}.Check(t.Context(), CheckInput{Require: Restorable, ClusterID: want.ClusterID, Execution: execution})
		wantFault(t, "checking", err, fault.NotASingleEmptyNode)
		_, err = seeder.Seed(t.Context(), in)
		wantFault(t, "seeding", err, fault.NotASingleEmptyNode)
		if found := c.check(); found.State != SeveralEmpty || len(b.reads) != 1 {
			t.Errorf("the nodes are %s after %d passes over the backup", found.describe(), len(b.reads))
		}
	})

	c.step("one empty node becomes the cluster", func(t *testing.T) {
		c.kill(1)
		found, err := Checker{Cluster: c.cluster}.Check(t.Context(), CheckInput{Require: Restorable, ClusterID: want.ClusterID, Execution: execution})
		if err != nil || found.Node != in.Node {
			t.Fatalf("%+v, %v", found, err)
		}
		if _, err := seeder.Seed(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		c.until("the snapshot is applied", func() bool { return c.check().State == Sealed })
		c.unseal(0)
		c.until("the node is the cluster of the backup", func() bool { return c.check().State == Restored })
		c.proves(want)
		if got := c.voters(); !slices.Equal(got, []string{"vault-0"}) {
			t.Errorf("the voters are %v: the old nodes must be forgotten", got)
		}
	})

	c.step("two emptied nodes join", func(t *testing.T) {
		for _, i := range []int{1, 2} {
			c.start(i)
			c.join(i, 0)
			c.open(i)
		}
		c.until("all three vote", func() bool { return slices.Equal(c.voters(), []string{"vault-0", "vault-1", "vault-2"}) })
		if found := c.check(); found.State != Restored || found.Node != c.nodes[0].URL() || strings.Count(found.describe(), "standby") != 2 {
			t.Errorf("%s, led by %s", found.describe(), found.Node)
		}
		c.proves(want)
		// What the two have joined outlives the node that was restored into.
		c.kill(0)
		c.until("another node leads", func() bool { return c.check().State == Restored })
		c.proves(want)
	})

	// As a node is that was restored while the old Vault still ran: the flag is the same, and this way it comes surely.
	c.step("a node that is told to leave is no sealed one", func(t *testing.T) {
		c.start(0)
		c.open(0)
		c.until("all three vote", func() bool { return len(c.voters()) == 3 })
		leader := slices.IndexFunc(c.nodes, func(n *vaultserver.Node) bool { return n.URL() == c.session().Address })
		gone := (leader + 1) % 3
		if _, err := c.client(leader).Logical().WriteWithContext(t.Context(), "sys/storage/raft/remove-peer", map[string]any{
			"server_id": c.nodes[gone].Options().Name,
		}); err != nil {
			t.Fatal(err)
		}
		c.until("the node has sealed itself", func() bool { return c.cluster.Nodes()[gone].Health(t.Context()).State == vault.Removed })
		if found := c.check(); found.State != Restored {
			t.Errorf("the two others: %s", found.describe())
		}
		c.kill(leader, 3-leader-gone)
		_, err := Checker{Cluster: c.cluster}.Check(t.Context(), CheckInput{ClusterID: want.ClusterID, Execution: execution})
		wantFault(t, "waiting for it", err, fault.VaultRemoved)
		if _, err := c.client(gone).Sys().UnsealWithContext(t.Context(), c.keys.Shares[0].Reveal()); err == nil {
			t.Error("it takes a share")
		}
	})
}
