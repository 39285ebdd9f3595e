//go:build platform

package restore

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/raftsnapshot"
)

// capture takes a snapshot, proves it whole, and lists the secrets, as a backup does.
func (c *real) capture() (snapshot []byte, found inventory.Inventory) {
	c.t.Helper()
	session := c.session()
	stream, err := session.Snapshot(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	defer stream.Close()
	var whole bytes.Buffer
	if _, err := raftsnapshot.Check(io.TeeReader(stream, &whole)); err != nil {
		c.t.Fatal(err)
	}
	found, err = inventory.Collect(c.t.Context(), session, inventory.Head{
		CaptureID: "capture", ClusterID: c.id, CapturedAt: session.Health.Time,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return whole.Bytes(), found
}

// seeding is a seeder over a backup of the snapshot, for the first node.
func (c *real) seeding(snapshot []byte) (Seeder, *bucket, SeedInput) {
	b := &bucket{content: map[string][]byte{"v1": snapshot}}
	facts := c.seal
	facts.ClusterID = c.id
	return Seeder{Cluster: c.cluster, Archive: b, Now: now}, b, SeedInput{
		Node: c.nodes[0].URL(), Execution: execution,
		Backup: Backup{Snapshot: archive.Object{Key: "backups/2026-11-24/vault-snapshot.enc", VersionID: "v1"}, Vault: facts},
	}
}

// check looks at all nodes as the runbook does.
func (c *real) check() Vault {
	c.t.Helper()
	found, err := Checker{Cluster: c.cluster}.Check(c.t.Context(), CheckInput{ClusterID: c.id, Execution: execution})
	if err != nil {
		c.t.Fatal(err)
	}
	return found
}

// unseal opens what is sealed as the runbook does, and wants that to have been this node.
func (c *real) unseal(node int) {
	c.t.Helper()
	shares := []string{c.keys.Shares[0].Reveal(), c.keys.Shares[2].Reveal()}
	value, err := json.Marshal(map[string][]string{"shares": shares})
	if err != nil {
		c.t.Fatal(err)
	}
	u := Unsealer{Cluster: c.cluster, Secrets: &safe{value: aws.String(string(value))}, SecretID: secretID}
	got, err := u.Unseal(c.t.Context(), UnsealInput{Execution: execution})
	if err != nil || !slices.Equal(got.Opened, []string{c.nodes[node].URL()}) {
		c.t.Fatalf("opened %v, %v", got.Opened, err)
	}
}

// proves holds every secret of the leader against the inventory, as VerifySecrets does.
func (c *real) proves(want inventory.Inventory) {
	c.t.Helper()
	proof, err := prove(c.t.Context(), c.session(), want, "recovery-test")
	if err != nil || proof.SecretsVerified != len(c.tenants) || proof.PasswordsDecrypted != len(c.tenants) || proof.UnexpectedExtras != 0 {
		c.t.Errorf("%+v, %v", proof, err)
	}
}
