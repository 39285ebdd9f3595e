//go:build platform

package archive

import (
	"bytes"
	"errors"
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/penguinmails/disaster-recovery/internal/archive/archivetest"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

// Somebody may put objects and use the backup key, as SnapshotVault may, and seals files that open: what they cannot do is
// sign. So nothing of theirs is ever read, neither on a day of its own nor in the place of a real backup.
func TestForgedByWhoMayPutAndEncrypt(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	forger := p
	stolen := *p.Store
	stolen.signer.Key = archivetest.SigningKey(t)
	forger.Store = &stolen

	real := p.take(november)
	forged := mustSeal(t, forger.Store, november, SnapshotName, "a snapshot that destroys the cluster")
	if plain, err := read(t.Context(), p.Store, forged); err != nil || string(plain) != "a snapshot that destroys the cluster" {
		t.Fatalf("the forged file itself does not open: %q, %v", plain, err)
	}
	found, ok, err := p.Manifest(t.Context(), november)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if plain, err := read(t.Context(), p.Store, found.Snapshot); err != nil || string(plain) != "snapshot" {
		t.Errorf("a restore would read %q, %v", plain, err)
	}
	under := real.Snapshot
	under.VersionID = forged.VersionID
	if _, err := read(t.Context(), p.Store, under); !fault.Is(err, fault.BackupCorrupt) {
		t.Errorf("under the real manifest's line: %v", err)
	}

	alone := SlotAt(Daily, newYear)
	m := manifestOf(alone)
	m.Snapshot = mustSeal(t, forger.Store, alone, SnapshotName, "a snapshot that destroys the cluster")
	m.Inventory = mustSeal(t, forger.Store, alone, InventoryName, "no secrets")
	if _, err := forger.Sign(t.Context(), m); !fault.Is(err, fault.BackupForged) {
		t.Errorf("signed with another key: %v", err)
	}
	if there, err := p.Survey(t.Context(), Daily); err != nil || len(there.Backups) != 1 || !fault.Is(there.Forged[alone], fault.BackupForged) {
		t.Errorf("%+v, %v", there, err)
	}
}

// A key that somebody has disabled: nothing is written, nothing is read, and nothing is lost when it is enabled again.
func TestADisabledKey(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.keys.KeyID = archivetest.WrappingKey(t)
	keys := kms.NewFromConfig(archivetest.AWS)
	o := mustSeal(t, p.Store, november, SnapshotName, "snapshot")
	if _, err := keys.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: &p.keys.KeyID}); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t.Context(), p.Store, o); !fault.Is(err, fault.AWSRefused) {
		t.Errorf("read: %v", err)
	}
	if _, err := p.Seal(t.Context(), november, SnapshotName, newMeta(), fills([]byte("another"))); !fault.Is(err, fault.AWSRefused) {
		t.Errorf("sealed: %v", err)
	}
	if versions, uploads := p.left(); versions != 1 || uploads != 0 {
		t.Errorf("%d versions and %d uploads are left", versions, uploads)
	}
	if _, err := keys.EnableKey(t.Context(), &kms.EnableKeyInput{KeyId: &p.keys.KeyID}); err != nil {
		t.Fatal(err)
	}
	if plain, err := read(t.Context(), p.Store, o); err != nil || string(plain) != "snapshot" {
		t.Errorf("enabled again: %q, %v", plain, err)
	}
}

// A wrapped key opens for the file and the content that it was made for, and for nothing else.
func TestAKeyInAnotherContext(t *testing.T) {
	t.Parallel()
	keys := newPlace(t).keys
	made := map[string]string{"app": sealed.App, "file_id": "one", "content_type": sealed.ContentSnapshot}
	plain, wrapped, _, err := keys.GenerateDataKey(t.Context(), made)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := keys.UnwrapDataKey(t.Context(), wrapped, made); err != nil || !bytes.Equal(again, plain) {
		t.Fatalf("in its own context: %v", err)
	}
	for field, other := range map[string]string{"app": "another", "file_id": "two", "content_type": sealed.ContentInventory} {
		wrong := maps.Clone(made)
		wrong[field] = other
		if _, err := keys.UnwrapDataKey(t.Context(), wrapped, wrong); !errors.Is(err, sealed.ErrKey) {
			t.Errorf("another %s: %v", field, err)
		}
	}
}
