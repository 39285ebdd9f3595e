package archive

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/signing"
)

// manifestOf is a manifest of a slot that need not hold any files.
func manifestOf(slot Slot) Manifest {
	object := func(name string) Object {
		return Object{Key: slot.Key(name), VersionID: "v1", Size: 1, SHA256Sealed: "aa", SHA256Plain: "bb", FileID: "cc"}
	}
	meta := newMeta()
	return Manifest{
		SchemaVersion: 1, Slot: slot, CaptureID: meta.CaptureID, Snapshot: object(SnapshotName), Inventory: object(InventoryName),
		Vault: meta.Vault, Secrets: 3, CapturedAt: newYear, VerifiedAt: newYear.Add(time.Minute), Execution: "arn:execution",
		PreviousSHA256: "dd",
	}
}

func mustSign(t *testing.T, s *Store, slot Slot) Signed {
	t.Helper()
	signed, err := s.Sign(t.Context(), manifestOf(slot))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestSign(t *testing.T) {
	s, b := newStore(t)
	want := manifestOf(november)
	signed, err := s.Sign(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	lies := b.find(november.Key(ManifestName), "")
	if d := cmp.Diff(Signed{
		Manifest: want, Key: lies.key, VersionID: lies.id, SHA256: hexSHA256(lies.body), Modified: newYear,
	}, signed); d != "" {
		t.Errorf("- wanted, + signed:\n%s", d)
	}
	if lock := lies.until.Sub(newYear); lock != Daily.Lock() {
		t.Errorf("the manifest is locked for %s", lock)
	}
	found, ok, err := s.Manifest(t.Context(), november)
	if d := cmp.Diff(signed, found); d != "" || !ok || err != nil {
		t.Errorf("read back: %t, %v\n%s", ok, err, d)
	}
	if _, ok, err := s.Manifest(t.Context(), SlotAt(Daily, newYear)); ok || err != nil {
		t.Errorf("a slot that was never written: %t, %v", ok, err)
	}
}

// The first manifest of a slot is the slot's manifest, also where somebody hid it before the second was written.
func TestSignTwice(t *testing.T) {
	for name, between := range map[string]func(*bucket){
		"at once":             func(*bucket) {},
		"a second later":      func(b *bucket) { b.pass(time.Second) },
		"hidden, in a second": func(b *bucket) { b.remove(november.Key(ManifestName)) },
		"hidden, days later":  func(b *bucket) { b.remove(november.Key(ManifestName)); b.pass(48 * time.Hour) },
		"buried by an upload": func(b *bucket) { b.put(november.Key(ManifestName), []byte("{}")) },
		"buried, days later":  func(b *bucket) { b.pass(48 * time.Hour); b.put(november.Key(ManifestName), []byte("{}")) },
		"hidden twice, buried": func(b *bucket) {
			b.remove(november.Key(ManifestName))
			b.put(november.Key(ManifestName), nil)
			b.remove(november.Key(ManifestName))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, b := newStore(t)
			first := mustSign(t, s, november)
			between(b)
			other := manifestOf(november)
			other.Execution = "arn:another"
			second, err := s.Sign(t.Context(), other)
			if d := cmp.Diff(first, second); d != "" || err != nil {
				t.Errorf("%v; - first, + second answer:\n%s", err, d)
			}
			if found, ok, err := s.Manifest(t.Context(), november); !ok || err != nil || found.VersionID != first.VersionID {
				t.Errorf("readers find %s: %t, %v", found.VersionID, ok, err)
			}
		})
	}
}

func TestSignConcurrently(t *testing.T) {
	s, b := newStore(t)
	var answers [4]Signed
	var signers sync.WaitGroup
	for i := range answers {
		signers.Go(func() {
			var err error
			if answers[i], err = s.Sign(t.Context(), manifestOf(november)); err != nil {
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
	if lies := b.all(); len(lies) != 1 {
		t.Errorf("there are %v", lies)
	}
}

// defects are what a manifest may not be, whoever signs it.
var defects = map[string]func(*Manifest){
	"no slot":            func(m *Manifest) { m.Slot = Slot{} },
	"another's snapshot": func(m *Manifest) { m.Snapshot.Key = SlotAt(Monthly, newYear).Key(SnapshotName) },
	"another's list":     func(m *Manifest) { m.Inventory.Key = m.Snapshot.Key },
	"snapshot unpinned":  func(m *Manifest) { m.Snapshot.VersionID = "" },
	"inventory unpinned": func(m *Manifest) { m.Inventory.VersionID = "" },
	"never captured":     func(m *Manifest) { m.CapturedAt = time.Time{} },
	"never verified":     func(m *Manifest) { m.VerifiedAt = time.Time{} },
}

func TestSignRefuses(t *testing.T) {
	for name, spoil := range defects {
		s, b := newStore(t)
		m := manifestOf(november)
		spoil(&m)
		if _, err := s.Sign(t.Context(), m); !fault.Is(err, fault.Unexpected) {
			t.Errorf("%s: %v", name, err)
		}
		if lies := b.all(); len(lies) > 0 {
			t.Errorf("%s: %v is written", name, lies)
		}
	}
}

func TestSignUnavailable(t *testing.T) {
	for code, want := range map[string]fault.Name{"ThrottlingException": fault.AWSUnavailable, "AccessDeniedException": fault.AWSRefused} {
		s, b := newStore(t)
		b.keys.refuse = &apiError{code}
		if _, err := s.Sign(t.Context(), manifestOf(november)); !fault.Is(err, want) {
			t.Errorf("%s: %v", code, err)
		}
		if lies := b.all(); len(lies) > 0 {
			t.Errorf("%s: %v is written", code, lies)
		}
	}
}

// A manifest that cannot be read back is not signed, whatever S3 answered.
func TestSignLost(t *testing.T) {
	s, b := newStore(t)
	b.lose = true
	if signed, err := s.Sign(t.Context(), manifestOf(november)); !fault.Is(err, fault.BackupCorrupt) {
		t.Errorf("%+v, %v", signed, err)
	}
}

// envelope signs any payload with a key.
func envelope(t *testing.T, keys *keyring, payloadType string, payload []byte) []byte {
	t.Helper()
	e, err := signing.Signer{KMS: keys}.Seal(t.Context(), payloadType, payload)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// forgeries are files under a manifest's name that must not make a backup, each made for the slot of november.
func forgeries(t *testing.T, keys *keyring) map[string][]byte {
	whole := encode(t, manifestOf(november))
	good := envelope(t, keys, manifestType, whole)
	altered := func(old, new string) []byte { return bytes.Replace(whole, []byte(old), []byte(new), 1) }
	all := map[string][]byte{
		"empty":                 nil,
		"not JSON":              []byte("manifest"),
		"unsigned":              whole,
		"an empty envelope":     []byte(`{}`),
		"no signature":          encode(t, map[string]any{"payloadType": manifestType, "payload": whole, "signatures": []any{}}),
		"signed by another":     envelope(t, newKeyring(t), manifestType, whole),
		"of another type":       envelope(t, keys, "application/vnd.pmdr.digest+json", whole),
		"another slot's":        envelope(t, keys, manifestType, encode(t, manifestOf(SlotAt(Daily, newYear)))),
		"its month's":           envelope(t, keys, manifestType, encode(t, manifestOf(SlotAt(Monthly, november.Time)))),
		"signed nonsense":       envelope(t, keys, manifestType, []byte("manifest")),
		"a signed null":         envelope(t, keys, manifestType, []byte("null")),
		"an unknown version":    envelope(t, keys, manifestType, altered(`"schema_version":1`, `"schema_version":2`)),
		"an unknown field":      envelope(t, keys, manifestType, altered(`"secrets":3`, `"secrets":3,"force":true`)),
		"a field twice":         envelope(t, keys, manifestType, altered(`"secrets":3`, `"secrets":3,"secrets":4`)),
		"another letter case":   envelope(t, keys, manifestType, altered(`"secrets":3`, `"Secrets":3`)),
		"cut":                   good[:len(good)/2],
		"larger than it can be": append(bytes.Repeat([]byte(" "), 1<<20), good...),
	}
	for name, spoil := range defects {
		m := manifestOf(november)
		spoil(&m)
		all["signed with "+name] = envelope(t, keys, manifestType, encode(t, m))
	}
	return all
}

// A file that does not hold makes no backup, and keeps none from being made: it is reported, and written over.
func TestForged(t *testing.T) {
	s, b := newStore(t)
	later := SlotAt(Daily, newYear)
	mustSign(t, s, later)
	key := november.Key(ManifestName)
	for name, file := range forgeries(t, b.keys) {
		t.Run(name, func(t *testing.T) {
			defer b.forget(key) // nothing here stands under a lock that matters
			b.put(key, file)
			if m, found, err := s.Manifest(t.Context(), november); found || !fault.Is(err, fault.BackupForged) {
				t.Errorf("Manifest: %+v, %t, %v", m, found, err)
			}
			there, err := s.Survey(t.Context(), Daily)
			if err != nil || len(there.Backups) != 1 || there.Backups[0].Slot != later || len(there.Forged) != 1 || there.Forged[november] == nil {
				t.Errorf("Survey: %+v, %v", there, err)
			}
			real := manifestOf(november)
			signed, err := s.Sign(t.Context(), real)
			if err != nil || cmp.Diff(real, signed.Manifest) != "" {
				t.Errorf("Sign: %+v, %v", signed, err)
			}
			if again := mustSign(t, s, november); again.VersionID != signed.VersionID {
				t.Errorf("signed again as %s, not %s", again.VersionID, signed.VersionID)
			}
			if n := strings.Count(strings.Join(b.all(), " "), key); n != 2 {
				t.Errorf("there are %d files under %s: the forged one is evidence", n, key)
			}
			there, err = s.Survey(t.Context(), Daily)
			if err != nil || !slices.Equal(slots(there.Backups), []Slot{later, november}) || !slices.Equal(there.Tampered, []Slot{november}) {
				t.Errorf("Survey: %+v, %v", there, err)
			}
		})
	}
}

// Whoever is quicker than Sign, again and again, keeps a slot from being signed, and is named.
func TestSignAgainstARestlessForger(t *testing.T) {
	s, b := newStore(t)
	b.put(november.Key(ManifestName), []byte("forged"))
	b.lose = true // what Sign writes is gone before it looks
	if signed, err := s.Sign(t.Context(), manifestOf(november)); !fault.Is(err, fault.BackupForged) {
		t.Errorf("%+v, %v", signed, err)
	}
}
