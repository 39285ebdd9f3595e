//go:build platform

package restore

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/raftsnapshot"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// A Vault of three nodes loses its quorum, and then everything, and comes back as docs/vault.md says: by the steps of the
// runbook into one empty node, which two emptied ones join.
func TestThreeNodes(t *testing.T) {
	c := startTrio(t)
	c.fill()
	var snapshot bytes.Buffer
	var want inventory.Inventory

	c.step("saving finds the leader, wherever it is", func(t *testing.T) {
		session := c.session()
		if session.Address != c.nodes[2].URL() {
			t.Fatalf("the leader is %s, and not the last node", session.Address)
		}
		stream, err := session.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		if _, err := raftsnapshot.Check(io.TeeReader(stream, &snapshot)); err != nil {
			t.Fatal(err)
		}
		if want, err = inventory.Collect(t.Context(), session, inventory.Head{
			CaptureID: "capture", ClusterID: c.clusterID(), CapturedAt: session.Health.Time,
		}); err != nil {
			t.Fatal(err)
		}
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
			wantFault(t, "restoring into a standby", standby.RestoreForced(t.Context(), bytes.NewReader(snapshot.Bytes())), fault.VaultUnreachable)
		}
		c.proves(want) // the leader has taken nothing: a restore would have sealed it
	})

	c.step("one of three has no leader, and no restore", func(t *testing.T) {
		c.kill(1, 2)
		c.until("the last node has lost its leader", func() bool { return c.check().State == Leaderless })
		_, err := Checker{c.cluster}.Check(t.Context(), CheckInput{Require: Empty, ClusterID: want.ClusterID, Execution: execution})
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

	seeder, b, in := c.seeding(snapshot.Bytes(), want.ClusterID)
	c.step("two empty nodes are one too many", func(t *testing.T) {
		c.kill(0)
		c.wipe(0, 1, 2)
		c.start(0)
		c.start(1)
		_, err := Checker{c.cluster}.Check(t.Context(), CheckInput{Require: Empty, ClusterID: want.ClusterID, Execution: execution})
		wantFault(t, "checking", err, fault.NotASingleEmptyNode)
		_, err = seeder.Seed(t.Context(), in)
		wantFault(t, "seeding", err, fault.NotASingleEmptyNode)
		if found := c.check(); found.State != SeveralEmpty || len(b.reads) != 1 {
			t.Errorf("the nodes are %s after %d passes over the backup", found.describe(), len(b.reads))
		}
	})

	c.step("one empty node becomes the cluster", func(t *testing.T) {
		c.kill(1)
		found, err := Checker{c.cluster}.Check(t.Context(), CheckInput{Require: Empty, ClusterID: want.ClusterID, Execution: execution})
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
}

// seeding is a seeder over a backup of the snapshot, for the first node.
func (c *trio) seeding(snapshot []byte, clusterID string) (Seeder, *bucket, SeedInput) {
	b := &bucket{content: map[string][]byte{"v1": snapshot}}
	facts := trioSeal
	facts.ClusterID = clusterID
	return Seeder{Cluster: c.cluster, Archive: b, Now: now}, b, SeedInput{
		Node: c.nodes[0].URL(), Execution: execution,
		Backup: Backup{Snapshot: archive.Object{Key: "backups/2026-11-24/vault-snapshot.enc", VersionID: "v1"}, Vault: facts},
	}
}

// check looks at all nodes as the runbook does.
func (c *trio) check() Vault {
	c.t.Helper()
	found, err := Checker{c.cluster}.Check(c.t.Context(), CheckInput{ClusterID: c.id, Execution: execution})
	if err != nil {
		c.t.Fatal(err)
	}
	return found
}

// unseal opens what is sealed as the runbook does, and wants that to have been this node.
func (c *trio) unseal(node int) {
	c.t.Helper()
	shares := []string{c.keys.Shares[0].Reveal(), c.keys.Shares[2].Reveal()}
	value, err := json.Marshal(map[string][]string{"shares": shares})
	if err != nil {
		c.t.Fatal(err)
	}
	u := Unsealer{Cluster: c.cluster, Secrets: &safe{value: aws.String(string(value))}, SecretID: secretID}
	got, err := u.Unseal(c.t.Context(), UnsealInput{Execution: execution})
	if err != nil || !slices.Equal(got.Nodes, []string{c.nodes[node].URL()}) {
		c.t.Fatalf("opened %v, %v", got.Nodes, err)
	}
}

// proves holds every secret of the leader against the inventory, as VerifySecrets does.
func (c *trio) proves(want inventory.Inventory) {
	c.t.Helper()
	proof, err := prove(c.t.Context(), c.session(), want, "recovery-test")
	if err != nil || proof.SecretsVerified != len(c.tenants) || proof.PasswordsDecrypted != len(c.tenants) || proof.UnexpectedExtras != 0 {
		c.t.Errorf("%+v, %v", proof, err)
	}
}
