//go:build platform

package restore

import (
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// A Vault whose key another system holds, here the transit engine of a second real one, as a cloud's key service would: it
// is seeded with recovery shares, becomes the snapshot without ever being sealed, and nobody gives it a share.
func TestAutoUnseal(t *testing.T) {
	t.Parallel()
	keeper := startReal(t, 1, byPeople)
	if err := keeper.client(0).Sys().MountWithContext(t.Context(), "transit", &api.MountInput{Type: "transit"}); err != nil {
		t.Fatal(err)
	}
	if _, err := keeper.client(0).Logical().WriteWithContext(t.Context(), "transit/keys/unseal", nil); err != nil {
		t.Fatal(err)
	}
	kept := keeper.nodes[0].Options()
	c := startReal(t, 1, byVault,
		"VAULT_ADDR="+keeper.nodes[0].URL(), "VAULT_CACERT="+kept.CAFile, "VAULT_TOKEN="+keeper.keys.RootToken.Reveal(),
		"VAULT_TRANSIT_SEAL_MOUNT_PATH=transit/", "VAULT_TRANSIT_SEAL_KEY_NAME=unseal", "VAULT_TRANSIT_SEAL_DISABLE_RENEWAL=true")
	c.fill()
	snapshot, want := c.capture()
	seal, err := c.session().Seal(t.Context())
	if err != nil || seal.Shamir() || seal.Type != byVault.SealType || seal.Shares != byVault.Shares || seal.Threshold != byVault.Threshold {
		t.Fatalf("a backup would say that the seal is %+v, %v", seal, err)
	}

	c.kill(0)
	c.start(0)
	c.until("a node that was started again opens itself", func() bool { return c.check().State == Restored })

	c.kill(0)
	c.wipe(0)
	c.start(0)
	seeder, b, in := c.seeding(snapshot)
	in.Backup.Vault = byPeople
	_, err = seeder.Seed(t.Context(), in)
	wantFault(t, "a backup with people's seal", err, fault.SealMismatch)
	if found := c.check(); found.State != Empty {
		t.Fatalf("the node was touched: %s", found.describe())
	}
	b.reads, in.Backup.Vault = nil, c.seal
	if _, err := seeder.Seed(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	c.until("the node is the cluster of the backup", func() bool { return c.check().State == Restored })
	c.proves(want)

	c.kill(0)
	c.start(0)
	c.until("the restored node opens itself", func() bool { return c.check().State == Restored })
	c.proves(want)
}
