//go:build platform

package archive

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/archive/archivetest"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// take fills a slot with two sealed files and signs them.
func (p place) take(slot Slot) Signed {
	p.t.Helper()
	m := manifestOf(slot)
	m.Snapshot, m.Inventory = mustSeal(p.t, p.Store, slot, SnapshotName, "snapshot"), mustSeal(p.t, p.Store, slot, InventoryName, "inventory")
	signed, err := p.Sign(p.t.Context(), m)
	if err != nil {
		p.t.Fatal(err)
	}
	return signed
}

func TestBackupStands(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, tier := range Tiers() {
		signed := p.take(SlotAt(tier, newYear))
		if left := p.lock(signed.Key, signed.VersionID); left > tier.Lock() || left < tier.Lock()-time.Hour {
			t.Errorf("%s: the manifest is locked for %s", tier, left)
		}
		if file := p.body(signed.Key, signed.VersionID); hexSHA256(file) != signed.SHA256 {
			t.Errorf("%s: %s is not the digest of the file", tier, signed.SHA256)
		}
		other := signed.Manifest
		other.Execution = "arn:another"
		if again, err := p.Sign(t.Context(), other); err != nil || cmp.Diff(signed, again) != "" {
			t.Errorf("%s: signed again, %v:\n%s", tier, err, cmp.Diff(signed, again))
		}
		// An intruder lays files on top, also one that is signed, and hides all of it.
		p.put(signed.Key, []byte("{}"), time.Time{})
		other.Secrets = 0
		lies, err := p.signer.Seal(t.Context(), manifestType, encode(t, other))
		if err != nil {
			t.Fatal(err)
		}
		p.put(signed.Key, lies, time.Time{})
		p.put(signed.Snapshot.Key, []byte("PMDR"), time.Time{})
		for _, key := range []string{signed.Key, signed.Snapshot.Key, signed.Inventory.Key} {
			p.remove(key)
		}
		found, ok, err := p.Manifest(t.Context(), signed.Slot)
		if d := cmp.Diff(signed, found); d != "" || !ok || err != nil {
			t.Errorf("%s: found %t, %v:\n%s", tier, ok, err, d)
		}
		there, err := p.Survey(t.Context(), tier)
		if d := cmp.Diff([]Signed{signed}, there.Backups); d != "" || err != nil || len(there.Forged) > 0 {
			t.Errorf("%s: surveyed %+v, %v", tier, there, err)
		}
		if plain, err := read(t.Context(), p.Store, found.Snapshot); err != nil || string(plain) != "snapshot" {
			t.Errorf("%s: the snapshot reads %q, %v", tier, plain, err)
		}
		if again, err := p.Sign(t.Context(), other); err != nil || again.VersionID != signed.VersionID {
			t.Errorf("%s: signed once more as %s, %v", tier, again.VersionID, err)
		}
	}
}

// A manifest that KMS did not sign with the archive's key, or that was moved, makes no backup, and keeps none from being made.
func TestForgedOnAWS(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	real := p.take(november)
	foreign := p.signer
	foreign.Key = archivetest.SigningKey(t)
	slot := SlotAt(Daily, newYear)
	payload := encode(t, manifestOf(slot))
	signedByAnother, err := foreign.Seal(t.Context(), manifestType, payload)
	if err != nil {
		t.Fatal(err)
	}
	var forged []Slot
	for name, file := range map[string][]byte{
		"unsigned":          payload,
		"signed by another": signedByAnother,
		"replayed":          p.body(real.Key, real.VersionID),
	} {
		slot = SlotAt(Daily, slot.Time.AddDate(0, 0, 1))
		p.put(slot.Key(ManifestName), file, time.Time{})
		if _, found, err := p.Manifest(t.Context(), slot); found || !fault.Is(err, fault.BackupForged) {
			t.Errorf("%s: %t, %v", name, found, err)
		}
		forged = append(forged, slot)
	}
	there, err := p.Survey(t.Context(), Daily)
	if err != nil || len(there.Forged) != 3 || !slices.Equal(slots(there.Backups), []Slot{november}) || !slices.Equal(there.Tampered, forged) {
		t.Errorf("%+v, %v", there, err)
	}
	for _, slot := range forged {
		p.take(slot)
	}
	there, err = p.Survey(t.Context(), Daily)
	if err != nil || len(there.Forged) != 0 || len(there.Backups) != 4 || !slices.Equal(there.Tampered, forged) {
		t.Errorf("written over: %+v, %v", there, err)
	}
}

func TestSignConcurrentlyOnAWS(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	var answers [4]Signed
	var signers sync.WaitGroup
	for i := range answers {
		signers.Go(func() {
			m := manifestOf(november)
			m.Secrets = i
			var err error
			if answers[i], err = p.Sign(t.Context(), m); err != nil {
				t.Error(err)
			}
		})
	}
	signers.Wait()
	for _, a := range answers {
		if d := cmp.Diff(answers[0], a); d != "" {
			t.Error(d)
		}
	}
}
