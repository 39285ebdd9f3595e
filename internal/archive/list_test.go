package archive

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

func slots(backups []Signed) (out []Slot) {
	for _, b := range backups {
		out = append(out, b.Slot)
	}
	return out
}

func TestSurvey(t *testing.T) {
	s, b := newStore(t)
	var want []Slot
	for _, back := range []int{0, 3, 1, 2, 40} { // written in no order
		slot := SlotAt(Daily, newYear.AddDate(0, 0, -back))
		mustSign(t, s, slot)
		want = append(want, slot)
	}
	slices.SortFunc(want, func(a, b Slot) int { return b.Time.Compare(a.Time) })
	mustSeal(t, s, SlotAt(Daily, newYear.AddDate(0, 0, 1)), SnapshotName, "never verified")
	mustSign(t, s, SlotAt(Monthly, newYear)) // of another tier
	b.put(SlotAt(Daily, newYear.AddDate(0, 0, 2)).Key(ManifestName), []byte("forged"))
	b.put("backups/notes.txt", []byte("foreign"))
	b.put("backups/2026-11-24/readme", []byte("foreign"))
	b.remove(want[1].Key(ManifestName))
	there, err := s.Survey(t.Context(), Daily)
	if err != nil {
		t.Fatal(err)
	}
	if got := slots(there.Backups); !slices.Equal(got, want) {
		t.Errorf("backups %v, want %v", got, want)
	}
	if there.Foreign != 2 || len(there.versions) != 7 {
		t.Errorf("%d foreign, %d versions", there.Foreign, len(there.versions))
	}
	forged := SlotAt(Daily, newYear.AddDate(0, 0, 2))
	if _, is := there.Forged[forged]; !is || len(there.Forged) != 1 {
		t.Errorf("forged: %v", there.Forged)
	}
	if touched := []Slot{want[1], forged}; !slices.Equal(there.Tampered, touched) || !there.TamperedAt.Equal(newYear) { // one is hidden, one forged
		t.Errorf("tampered with: %v at %s, want %v", there.Tampered, there.TamperedAt, touched)
	}
}

func TestSurveyNothing(t *testing.T) {
	s, _ := newStore(t)
	there, err := s.Survey(t.Context(), OnDemand)
	if err != nil || len(there.Backups)+len(there.Forged)+len(there.versions)+there.Foreign != 0 {
		t.Errorf("%+v, %v", there, err)
	}
}

// Files that were there before the real manifest make nothing of it: the slot is a backup, and people are told all the same.
func TestSurveyFirstThatHolds(t *testing.T) {
	s, b := newStore(t)
	key := november.Key(ManifestName)
	b.put(key, []byte("forged"))
	real := envelope(t, b.keys, manifestType, encode(t, manifestOf(november)))
	id := b.put(key, real)
	b.put(key, envelope(t, b.keys, manifestType, encode(t, manifestOf(november)))) // in the same second
	b.pass(time.Minute)
	b.put(key, []byte("once more"))
	there, err := s.Survey(t.Context(), Daily)
	if err != nil || len(there.Backups) != 1 || there.Backups[0].VersionID != id || len(there.Forged) != 0 {
		t.Errorf("%+v, %v; want version %s", there, err, id)
	}
	if !slices.Equal(there.Tampered, []Slot{november}) || !there.TamperedAt.Equal(newYear.Add(time.Minute)) {
		t.Errorf("tampered with: %v at %s", there.Tampered, there.TamperedAt)
	}
}

// Tampering is an alarm for three days, and told for as long as it lies there; done again, it is one again.
func TestTamperingIsAnAlarmForThreeDays(t *testing.T) {
	s, b := newStore(t)
	key := mustSign(t, s, november).Key
	for what, tamper := range map[string]func(){
		"hidden": func() { b.remove(key) },
		"buried": func() { b.put(key, []byte("{}")) },
	} {
		tamper()
		for _, after := range []time.Duration{0, 71 * time.Hour, 2 * time.Hour} {
			b.pass(after)
			alarm := after != 2*time.Hour
			if done, err := s.Prune(t.Context(), Daily); err != nil || !slices.Equal(done.Tampered, []Slot{november}) || done.Lately != alarm {
				t.Errorf("%s, %s later: %+v, %v", what, after, done, err)
			}
		}
	}
}

// What this system itself writes and deletes is nobody's tampering, and neither is what lies under other names.
func TestSurveyOfAnUntouchedBucket(t *testing.T) {
	s, b := newStore(t)
	for n := range 3 {
		slot := SlotAt(OnDemand, newYear.Add(time.Duration(n)*time.Second))
		mustSeal(t, s, slot, SnapshotName, "an interrupted attempt")
		m := manifestOf(slot)
		m.Snapshot, m.Inventory = mustSeal(t, s, slot, SnapshotName, "snapshot"), mustSeal(t, s, slot, InventoryName, "inventory")
		for range 2 { // the step runs twice
			if _, err := s.Sign(t.Context(), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.put("on-demand/notes.txt", nil)
	b.remove("on-demand/notes.txt")
	b.pass(100 * 24 * time.Hour)
	for range 2 {
		if done, err := s.Prune(t.Context(), OnDemand); err != nil || len(done.Tampered) > 0 || done.Kept != 1 {
			t.Errorf("%+v, %v", done, err)
		}
	}
}

func TestNames(t *testing.T) {
	var all []Slot
	for n := range maxNamed + 2 {
		all = append(all, SlotAt(Daily, newYear.AddDate(0, 0, n)))
	}
	for n, want := range map[int]string{
		0: "", 1: "backups/2027-01-01", 2: "backups/2027-01-01, backups/2027-01-02",
	} {
		if got := Names(all[:n]); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{maxNamed: ", backups/2027-01-20", maxNamed + 2: ", backups/2027-01-20 and 2 more"} {
		if got := Names(all[:n]); !strings.HasSuffix(got, want) || strings.Count(got, "backups/") != maxNamed {
			t.Errorf("%d: %q", n, got)
		}
	}
}

// One object that S3 does not hand out must not hide the others.
func TestSurveyUnreadable(t *testing.T) {
	s, b := newStore(t)
	mustSign(t, s, november)
	bad := SlotAt(Daily, newYear)
	b.put(bad.Key(ManifestName), []byte("under a foreign key"))
	b.refuse[bad.Key(ManifestName)] = http.StatusForbidden
	there, err := s.Survey(t.Context(), Daily)
	if err != nil || !slices.Equal(slots(there.Backups), []Slot{november}) || !fault.Is(there.Forged[bad], fault.AWSRefused) {
		t.Errorf("%+v, %v", there, err)
	}
	if _, found, err := s.Manifest(t.Context(), bad); found || !fault.Is(err, fault.AWSRefused) {
		t.Errorf("the slot itself: %t, %v", found, err)
	}
}

// What may be this program's own lack, or may pass, is never taken for a tier without backups.
func TestSurveyFails(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*bucket)
		want  fault.Name
	}{
		"S3 refuses every file": {func(b *bucket) { b.refuse[november.Key(ManifestName)] = http.StatusForbidden }, fault.AWSRefused},
		"S3 fails":              {func(b *bucket) { b.refuse[november.Key(ManifestName)] = http.StatusServiceUnavailable }, fault.AWSUnavailable},
		"S3 breaks off":         {func(b *bucket) { b.cut[november.Key(ManifestName)] = 10 }, fault.AWSUnavailable},
		"KMS refuses":           {func(b *bucket) { b.keys.refuse = &apiError{"AccessDeniedException"} }, fault.AWSRefused},
		"KMS throttles":         {func(b *bucket) { b.keys.refuse = &apiError{"ThrottlingException"} }, fault.AWSUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s, b := newStore(t)
			b.put(november.Key(ManifestName), envelope(t, b.keys, manifestType, encode(t, manifestOf(november))))
			c.spoil(b)
			if there, err := s.Survey(t.Context(), Daily); !fault.Is(err, c.want) {
				t.Errorf("Survey: %+v, %v, want %s", there, err, c.want)
			}
			if _, found, err := s.Manifest(t.Context(), november); found || !fault.Is(err, c.want) {
				t.Errorf("Manifest: %t, %v, want %s", found, err, c.want)
			}
			before := len(b.all())
			if done, err := s.Prune(t.Context(), Daily); !fault.Is(err, c.want) || !cmp.Equal(done, Pruned{}) || len(b.all()) != before {
				t.Errorf("Prune: %+v, %v", done, err)
			}
		})
	}
}

// Nights pass over a bucket whose locks hold: Prune never asks for what is locked, and deletes manifests first.
func TestPrune(t *testing.T) {
	s, b := newStore(t)
	evidence := SlotAt(Daily, newYear.AddDate(0, 0, -1))
	b.put(evidence.Key(ManifestName), []byte("forged"))
	b.put("backups/notes.txt", nil)
	var slot Slot
	for range 40 {
		slot = SlotAt(Daily, b.clock())
		mustSeal(t, s, slot, SnapshotName, "superseded")
		m := manifestOf(slot)
		m.Snapshot, m.Inventory = mustSeal(t, s, slot, SnapshotName, "snapshot"), mustSeal(t, s, slot, InventoryName, "inventory")
		if _, err := s.Sign(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		done, err := s.Prune(t.Context(), Daily)
		if err != nil || done.Foreign != 1 {
			t.Fatalf("%s: %+v, %v", slot, done, err)
		}
		b.pass(24 * time.Hour)
	}
	there, err := s.Survey(t.Context(), Daily)
	if err != nil || len(there.Backups) != 36 || there.Backups[0].Slot != slot || len(there.Forged) != 1 || len(there.versions) != 36*4+1 {
		t.Fatalf("%d backups, %d versions, forged %v, %v", len(there.Backups), len(there.versions), there.Forged, err)
	}
	for _, backup := range there.Backups {
		for want, o := range map[string]Object{"snapshot": backup.Snapshot, "inventory": backup.Inventory} {
			if plain, err := read(t.Context(), s, o); err != nil || string(plain) != want {
				t.Fatalf("%s: %q, %v", o.Key, plain, err)
			}
		}
	}
	b.pass(1000 * 24 * time.Hour)
	b.calls = nil
	done, err := s.Prune(t.Context(), Daily)
	if want := (Pruned{Kept: 30, Deleted: 6, Versions: 36 + 6*3, Foreign: 1, Tampered: []Slot{evidence}}); err != nil || !cmp.Equal(done, want) {
		t.Errorf("%+v, %v, want %+v", done, err, want)
	}
	var deletes []string
	for _, call := range b.calls {
		if key, is := strings.CutPrefix(call, "DELETE "); is {
			deletes = append(deletes, key)
		}
	}
	if len(deletes) != done.Versions {
		t.Errorf("%d deletes", len(deletes))
	}
	for i, key := range deletes {
		if _, name, _ := parseKey(key); (name == ManifestName) != (i < 6) {
			t.Errorf("delete %d is %s", i, key)
		}
	}
}

// A manifest whose delete is refused keeps its files: somebody may lengthen a lock, nobody shortens one.
func TestPruneRefused(t *testing.T) {
	s, b := newStore(t)
	old := SlotAt(OnDemand, newYear)
	m := manifestOf(old)
	m.Snapshot, m.Inventory = mustSeal(t, s, old, SnapshotName, "snapshot"), mustSeal(t, s, old, InventoryName, "inventory")
	signed, err := s.Sign(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	b.pass(100 * 24 * time.Hour)
	mustSign(t, s, SlotAt(OnDemand, b.clock()))
	b.find(signed.Key, signed.VersionID).until = b.clock().Add(time.Hour)
	if done, err := s.Prune(t.Context(), OnDemand); !fault.Is(err, fault.AWSRefused) || done.Versions != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	if lies := b.all(); len(lies) != 4 {
		t.Errorf("there are %v", lies)
	}
	b.pass(2 * time.Hour)
	if done, err := s.Prune(t.Context(), OnDemand); err != nil || !cmp.Equal(done, Pruned{Kept: 1, Deleted: 1, Versions: 3}) {
		t.Errorf("%+v, %v", done, err)
	}
}
