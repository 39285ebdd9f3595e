//go:build platform

package archive

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// lay fills a slot past the store, under a lock that ends then, with a manifest that holds.
func (p place) lay(slot Slot, until time.Time) Signed {
	p.t.Helper()
	m := manifestOf(slot)
	for name, o := range map[string]*Object{SnapshotName: &m.Snapshot, InventoryName: &m.Inventory} {
		o.VersionID = p.put(slot.Key(name), []byte(name), until)
	}
	file, err := p.signer.Seal(p.t.Context(), manifestType, encode(p.t, m))
	if err != nil {
		p.t.Fatal(err)
	}
	return Signed{Manifest: m, Key: slot.Key(ManifestName), VersionID: p.put(slot.Key(ManifestName), file, until)}
}

// While its own locks hold, Prune asks for nothing: S3 would refuse, and the step would fail every night.
func TestPruneLocked(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, tier := range Tiers() {
		for n := range 3 {
			p.take(SlotAt(tier, newYear.AddDate(0, -n, 0)))
		}
		if done, err := p.Prune(t.Context(), tier); err != nil || !cmp.Equal(done, Pruned{Kept: 3}) {
			t.Errorf("%s: %+v, %v", tier, done, err)
		}
	}
}

// A night on which every lock is over but one, which S3 holds against a clock that runs ahead: what S3 refuses stops
// Prune, and it finishes its work when S3 lets go.
func TestPruneUnlocked(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	ahead := *p.Store
	ahead.now = func() time.Time { return time.Now().Add(36 * day) }
	var want []Slot
	for n := range 30 {
		slot := SlotAt(Daily, newYear.AddDate(0, 0, -n))
		p.lay(slot, time.Time{})
		want = append(want, slot)
	}
	p.put(want[3].Key(SnapshotName), []byte("superseded"), time.Time{})
	p.put(want[4].Key(ManifestName), []byte("an intruder's"), time.Time{})
	p.put(SlotAt(Daily, newYear.AddDate(0, 0, 1)).Key(SnapshotName), []byte("never verified"), time.Time{})
	forged := SlotAt(Daily, newYear.AddDate(0, 0, 2))
	p.put(forged.Key(ManifestName), []byte("forged"), time.Time{})
	p.put("backups/notes.txt", []byte("foreign"), time.Time{})
	p.lay(SlotAt(Daily, newYear.AddDate(0, 0, -30)), time.Time{})
	p.lay(SlotAt(Daily, newYear.AddDate(0, 0, -31)), time.Now().Add(3*time.Second))
	p.remove(want[0].Key(ManifestName))

	versions := 0
	first, err := ahead.Prune(t.Context(), Daily)
	if !fault.Is(err, fault.AWSRefused) || first.Kept != 30 {
		t.Fatalf("under a lock: %+v, %v", first, err)
	}
	versions += first.Versions
	if there, err := p.Survey(t.Context(), Daily); err != nil || !there.holds(SlotAt(Daily, newYear.AddDate(0, 0, -31))) {
		t.Errorf("the locked backup lost something: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		done, err := ahead.Prune(ctx, Daily)
		versions += done.Versions
		if err == nil {
			break
		}
		if !fault.Is(err, fault.AWSRefused) {
			t.Fatal(err)
		}
	}
	if versions != 3+3+3 {
		t.Errorf("%d versions went", versions)
	}
	there, err := p.Survey(t.Context(), Daily)
	if err != nil || !slices.Equal(slots(there.Backups), want) || there.Foreign != 1 || there.Forged[forged] == nil || len(there.versions) != 30*3+1 {
		t.Errorf("%d backups, %d versions, %d foreign, %v, %v", len(there.Backups), len(there.versions), there.Foreign, there.Forged, err)
	}
	for _, slot := range want {
		if !there.holds(slot) {
			t.Errorf("%s lost something", slot)
		}
	}
}

// holds reports whether a slot still has its three objects.
func (there Survey) holds(slot Slot) bool {
	i := slices.IndexFunc(there.Backups, func(b Signed) bool { return b.Slot == slot })
	if i < 0 {
		return false
	}
	b := there.Backups[i]
	for _, id := range []string{b.VersionID, b.Snapshot.VersionID, b.Inventory.VersionID} {
		if !slices.ContainsFunc(there.versions, func(v version) bool { return v.slot == slot && v.id == id }) {
			return false
		}
	}
	return true
}
