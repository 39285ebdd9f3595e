package archive

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// shelf is a tier in the making: what Survey would find there.
type shelf struct {
	Survey
	n int
}

func newShelf() *shelf { return &shelf{Survey: Survey{Forged: map[Slot]error{}}} }

// put adds one version and returns its id, "<slot>/<name>#<n>".
func (s *shelf) put(slot Slot, name string, at time.Time) (id string) {
	s.n++
	id = fmt.Sprintf("%s#%d", slot.Key(name), s.n)
	s.versions = append(s.versions, version{slot: slot, name: name, key: slot.Key(name), id: id, modified: at})
	return id
}

// backup adds a verified backup of the slot and returns its three ids.
func (s *shelf) backup(slot Slot, at time.Time) (ids []string) {
	snapshot, inventory, manifest := s.put(slot, SnapshotName, at), s.put(slot, InventoryName, at), s.put(slot, ManifestName, at)
	s.Backups = append(s.Backups, Signed{
		Manifest: Manifest{
			Slot:      slot,
			Snapshot:  Object{Key: slot.Key(SnapshotName), VersionID: snapshot},
			Inventory: Object{Key: slot.Key(InventoryName), VersionID: inventory},
		},
		Key: slot.Key(ManifestName), VersionID: manifest, Modified: at,
	})
	slices.SortFunc(s.Backups, func(a, b Signed) int { return b.Slot.Time.Compare(a.Slot.Time) })
	return []string{snapshot, inventory, manifest}
}

// forge adds a slot with files and a manifest that does not hold.
func (s *shelf) forge(slot Slot, at time.Time) {
	for _, name := range []string{SnapshotName, InventoryName, ManifestName} {
		s.put(slot, name, at)
	}
	s.Forged[slot] = fault.BackupForged.Tellf("%s", slot)
}

func ids(versions []version) (ids []string) {
	for _, v := range versions {
		ids = append(ids, v.id)
	}
	return ids
}

func (s *shelf) remove(gone []version) {
	left := func(id string) bool { return slices.Contains(ids(gone), id) }
	s.versions = slices.DeleteFunc(s.versions, func(v version) bool { return left(v.id) })
	s.Backups = slices.DeleteFunc(s.Backups, func(b Signed) bool { return left(b.VersionID) })
}

var newYear = time.Date(2027, 1, 1, 2, 0, 0, 0, time.UTC)

func TestExpired(t *testing.T) {
	const margin = time.Hour
	long := newYear.AddDate(-9, 0, 0)
	for _, c := range []struct {
		name string
		tier Tier
		now  time.Time
		fill func(*shelf) (gone []string)
		kept int
	}{
		{"an empty tier", Daily, newYear, func(*shelf) []string { return nil }, 0},
		{"without any verified backup everything stays", Daily, newYear, func(s *shelf) []string {
			s.put(SlotAt(Daily, long), SnapshotName, long)
			s.forge(SlotAt(Daily, long.AddDate(0, 0, 1)), long)
			return nil
		}, 0},
		{"the newest stays whatever its age", OnDemand, newYear, func(s *shelf) []string {
			s.backup(SlotAt(OnDemand, long), long)
			return nil
		}, 1},
		{"without a count the lock alone keeps", OnChange, newYear, func(s *shelf) []string {
			s.backup(SlotAt(OnChange, newYear), newYear)
			s.backup(SlotAt(OnChange, newYear.Add(-13*day)), newYear.Add(-13*day))
			old := s.backup(SlotAt(OnChange, newYear.Add(-15*day)), newYear.Add(-15*day))
			return []string{old[2], old[0], old[1]} // the manifest first
		}, 2},
		{"a lock holds to the end of its margin", OnDemand, newYear, func(s *shelf) []string {
			s.backup(SlotAt(OnDemand, newYear), newYear)
			at := newYear.Add(-14*day - margin)
			s.backup(SlotAt(OnDemand, at), at)
			return nil
		}, 2},
		{"and no longer", OnDemand, newYear, func(s *shelf) []string {
			s.backup(SlotAt(OnDemand, newYear), newYear)
			at := newYear.Add(-14*day - margin - time.Nanosecond)
			old := s.backup(SlotAt(OnDemand, at), at)
			return []string{old[2], old[0], old[1]}
		}, 1},
		{"a slot's date says nothing about its lock", Daily, newYear, func(s *shelf) []string {
			for n := range 30 {
				s.backup(SlotAt(Daily, newYear.AddDate(0, 0, -n)), newYear.AddDate(0, 0, -n))
			}
			s.backup(SlotAt(Daily, long), newYear) // taken today for a day long ago
			return nil
		}, 31},
		{"forged slots are evidence", Daily, newYear, func(s *shelf) []string {
			s.backup(SlotAt(Daily, newYear), newYear)
			s.forge(SlotAt(Daily, long), long)
			s.put(SlotAt(Daily, long), SnapshotName, long) // a superseded upload among them, too
			return nil
		}, 1},
		{"uploads that nobody verified go after their lock", Daily, newYear, func(s *shelf) []string {
			s.backup(SlotAt(Daily, newYear), newYear)
			s.put(SlotAt(Daily, newYear.AddDate(0, 0, -35)), SnapshotName, newYear.AddDate(0, 0, -35))
			return []string{
				s.put(SlotAt(Daily, newYear.AddDate(0, 0, -36)), SnapshotName, newYear.AddDate(0, 0, -36)),
				s.put(SlotAt(Daily, newYear.AddDate(0, 0, -37)), InventoryName, newYear.AddDate(0, 0, -37)),
			}
		}, 1},
		{"days that nobody verified keep nothing and cost nothing", Daily, newYear, func(s *shelf) []string {
			for n := range 5 { // the newest days, one of them forged
				s.put(SlotAt(Daily, newYear.AddDate(0, 0, -n)), SnapshotName, newYear.AddDate(0, 0, -n))
			}
			s.forge(SlotAt(Daily, newYear.AddDate(0, 0, -5)), newYear.AddDate(0, 0, -5))
			var old []string
			for n := range 31 {
				at := newYear.AddDate(0, 0, -50-n)
				old = s.backup(SlotAt(Daily, at), at)
			}
			return []string{old[2], old[0], old[1]} // the 31st verified one
		}, 30},
		{"superseded and later versions go, the backup of their slot stays", Monthly, newYear, func(s *shelf) []string {
			slot := SlotAt(Monthly, long)
			first := s.put(slot, SnapshotName, long)
			s.backup(slot, long)
			later := s.put(slot, InventoryName, long.Add(day))
			intruder := s.put(slot, ManifestName, long.Add(day))
			return []string{intruder, first, later}
		}, 1},
		{"a clock far behind deletes nothing", OnChange, long, func(s *shelf) []string {
			for n := range 40 {
				s.backup(SlotAt(OnChange, newYear.AddDate(0, 0, -n)), newYear.AddDate(0, 0, -n))
			}
			s.put(SlotAt(OnChange, newYear), SnapshotName, newYear)
			return nil
		}, 40},
		{"a clock far ahead leaves the newest by count", Daily, newYear.AddDate(100, 0, 0), func(s *shelf) (gone []string) {
			for n := range 31 {
				old := s.backup(SlotAt(Daily, newYear.AddDate(0, 0, -n)), newYear.AddDate(0, 0, -n))
				gone = []string{old[2], old[0], old[1]} // of the 31st
			}
			return gone
		}, 30},
		{"and one where there is no count", OnDemand, newYear.AddDate(100, 0, 0), func(s *shelf) []string {
			s.backup(SlotAt(OnDemand, newYear), newYear)
			old := s.backup(SlotAt(OnDemand, newYear.Add(-time.Second)), newYear)
			return []string{old[2], old[0], old[1]}
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newShelf()
			want := c.fill(s)
			kept, gone := s.expired(c.tier, c.now)
			if d := cmp.Diff(want, ids(gone)); d != "" || kept != c.kept {
				t.Errorf("%d are kept, not %d; gone (- wanted):\n%s", kept, c.kept, d)
			}
		})
	}
}

// Three years of nights, a leap year among them: the tiers never hold fewer than they promise, and never more than
// their locks force upon them.
func TestYearsOfPruning(t *testing.T) {
	daily, monthly := newShelf(), newShelf()
	var days, months int
	for at := newYear; at.Before(newYear.AddDate(3, 0, 0)); at = at.AddDate(0, 0, 1) {
		daily.backup(SlotAt(Daily, at), at)
		days++
		if at.Day() == 1 {
			monthly.backup(SlotAt(Monthly, at), at)
			months++
		}
		for _, tier := range []struct {
			*shelf
			tier        Tier
			written     int
			least, most int
		}{
			{daily, Daily, days, 30, 36},       // a lock of 35 days and its margin cover 36 nights
			{monthly, Monthly, months, 12, 14}, // 400 days reach into the 14th month
		} {
			kept, gone := tier.expired(tier.tier, at)
			tier.remove(gone)
			if n := len(tier.Backups); n != kept || n < min(tier.least, tier.written) || n > tier.most || 3*n != len(tier.versions) {
				t.Fatalf("%s: %d %s backups with %d versions, %d counted as kept", at, n, tier.tier, len(tier.versions), kept)
			}
			for i, b := range tier.Backups { // no gap: every one of the newest is there
				want := SlotAt(tier.tier, at.AddDate(0, 0, -i))
				if tier.tier == Monthly {
					want = SlotAt(Monthly, time.Date(at.Year(), at.Month()-time.Month(i), 1, 0, 0, 0, 0, time.UTC))
				}
				if b.Slot != want {
					t.Fatalf("%s: the backup of rank %d is %s, not %s", at, i, b.Slot, want)
				}
			}
		}
	}
}

// drawShelf makes any tier: verified, forged and unverified slots of any age, with uploads that were superseded.
func drawShelf(t *rapid.T, tier Tier) *shelf {
	s := newShelf()
	moment := func(what string) time.Time {
		return newYear.Add(-time.Duration(rapid.IntRange(-3, 500*24).Draw(t, what)) * time.Hour)
	}
	used := map[Slot]bool{}
	for range rapid.IntRange(0, 50).Draw(t, "slots") {
		slot := SlotAt(tier, moment("slot"))
		if used[slot] {
			continue
		}
		used[slot] = true
		if rapid.Bool().Draw(t, "superseded") {
			s.put(slot, rapid.SampledFrom([]string{SnapshotName, InventoryName}).Draw(t, "name"), moment("upload"))
		}
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			s.forge(slot, moment("written"))
		case 1:
			s.put(slot, SnapshotName, moment("written"))
		default:
			at := moment("written")
			s.backup(slot, at)
			if rapid.Bool().Draw(t, "intruder") {
				s.put(slot, ManifestName, at.Add(time.Hour))
			}
		}
	}
	return s
}

func TestExpiredProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tier := rapid.SampledFrom(Tiers()).Draw(t, "tier")
		s := drawShelf(t, tier)
		now := newYear.Add(time.Duration(rapid.IntRange(-1000*24, 1000*24).Draw(t, "clock")) * time.Hour)
		free := func(written time.Time) bool { return written.Add(tier.Lock() + time.Hour).Before(now) }
		kept, list := s.expired(tier, now)
		gone := map[string]bool{}
		for i, v := range list {
			if gone[v.id] {
				t.Fatalf("%s goes twice", v.id)
			}
			gone[v.id] = true
			if !free(v.modified) {
				t.Fatalf("%s goes and its lock, or the margin, still holds", v.id)
			}
			if s.Forged[v.slot] != nil {
				t.Fatalf("%s goes, and is evidence", v.id)
			}
			if i > 0 && v.name == ManifestName && list[i-1].name != ManifestName {
				t.Fatalf("the manifest %s goes after a file", v.id)
			}
		}
		if len(s.Backups) == 0 && len(gone) > 0 {
			t.Fatal("something goes where nothing is verified")
		}
		pinned, stay := map[string]bool{}, 0
		for rank, b := range s.Backups {
			files := []string{b.Snapshot.VersionID, b.Inventory.VersionID}
			if !gone[b.VersionID] {
				stay++
				for _, id := range append(files, b.VersionID) {
					pinned[id] = true
				}
				if gone[files[0]] || gone[files[1]] {
					t.Fatalf("%s keeps its manifest and loses a file", b.Slot)
				}
			} else if rank == 0 || rank < tier.Keep() {
				t.Fatalf("%s goes, of rank %d", b.Slot, rank)
			}
			if free(b.Modified) && !gone[b.VersionID] && rank >= max(tier.Keep(), 1) {
				t.Fatalf("%s stays: neither rank nor lock keeps it", b.Slot)
			}
		}
		if stay != kept {
			t.Fatalf("%d are counted as kept, %d are", kept, stay)
		}
		// Nothing lingers: what no backup needs and no lock holds is gone.
		for _, v := range s.versions {
			if len(s.Backups) > 0 && free(v.modified) && !pinned[v.id] && s.Forged[v.slot] == nil && !gone[v.id] {
				t.Fatalf("%s stays for nothing", v.id)
			}
		}
	})
}
