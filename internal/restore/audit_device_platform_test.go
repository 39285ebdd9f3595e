//go:build platform

package restore

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// A node on which the audit device of the backup cannot open its file: it takes the snapshot and the shares, and stands by
// for ever. It leads as soon as the file can be opened.
func TestAnAuditDeviceThatCannotOpen(t *testing.T) {
	t.Parallel()
	c := startReal(t, 1, byPeople)
	folder := filepath.Join(t.TempDir(), "audit")
	device := &api.EnableAuditOptions{Type: "file", Options: map[string]string{"file_path": filepath.Join(folder, "audit.log")}}
	if err := c.client(0).Sys().EnableAuditWithOptionsWithContext(t.Context(), "file", device); err != nil {
		t.Fatal(err)
	}
	c.fill()
	snapshot, want := c.capture()
	c.kill(0)
	c.wipe(0)
	if err := os.RemoveAll(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(folder, []byte("the disk is not mounted"), 0o600); err != nil {
		t.Fatal(err)
	}

	c.start(0)
	seeder, _, in := c.seeding(snapshot)
	if _, err := seeder.Seed(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	c.until("the snapshot is applied", func() bool { return c.check().State == Sealed })
	c.unseal(0)
	c.until("the node has tried to lead", func() bool { return c.said(0, "post-unseal setup failed") })
	if found := c.check(); found.State != Leaderless {
		t.Errorf("%s: %s", found.State, found.describe())
	}
	_, _, err := c.cluster.Leader(t.Context())
	wantFault(t, "logging in", err, fault.NoLeader)

	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	c.until("the node leads", func() bool { return c.check().State == Restored })
	c.proves(want)
}
