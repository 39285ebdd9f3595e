package backup

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

func TestVerify(t *testing.T) {
	s, in := captured(t)
	got, err := Verifier{Archive: s, Now: func() time.Time { return now.Add(999 * time.Millisecond) }}.Verify(t.Context(), pass(t, in))
	if err != nil {
		t.Fatal(err)
	}
	order := []string{"read " + in.Inventory.Object.Key, "read " + in.Snapshot.Object.Key, "survey daily", "sign"}
	if !slices.Equal(s.calls, order) {
		t.Errorf("asked %q, want %q", s.calls, order)
	}
	if d := cmp.Diff(archive.Manifest{
		Slot: in.Slot, CaptureID: captureID, Snapshot: in.Snapshot.Object, Inventory: in.Inventory.Object, Vault: source,
		Secrets: 2, CapturedAt: night, VerifiedAt: now, Execution: running.ARN,
	}, s.signed); d != "" {
		t.Errorf("- wanted, + signed:\n%s", d)
	}
	want := Verified{
		Slot: in.Slot, BackupDate: "2026-11-24", ManifestSHA256: "digest", ManifestVersionID: "version",
		CapturedAt: night, VerifiedAt: now, SnapshotBytes: 1000, Secrets: 2,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("- wanted, + answered:\n%s", d)
	}
}

// A slot that was signed before answers with what is in its manifest, not with what this run captured.
func TestVerifyAnswersWithTheManifest(t *testing.T) {
	s, in := captured(t)
	first := archive.Signed{Manifest: archive.Manifest{Slot: in.Slot, Secrets: 9, CapturedAt: night.Add(-time.Hour)}, SHA256: "first"}
	got, err := Verifier{Archive: signedBefore{s, first}, Now: clock}.Verify(t.Context(), in)
	if err != nil || got.ManifestSHA256 != "first" || got.Secrets != 9 || !got.CapturedAt.Equal(first.CapturedAt) {
		t.Errorf("%+v, %v", got, err)
	}
}

type signedBefore struct {
	*shelf
	first archive.Signed
}

func (s signedBefore) Sign(context.Context, archive.Manifest) (archive.Signed, error) {
	return s.first, nil
}

// Nothing is signed that was not proved: each of these ends before the signature.
func TestVerifyRefuses(t *testing.T) {
	unavailable := fault.AWSUnavailable.Errorf("connection reset")
	inventoryOf := func(change func(*inventory.Inventory)) func(*testing.T, *shelf, *VerifyInput) {
		return func(t *testing.T, s *shelf, in *VerifyInput) {
			inv := listing()
			change(&inv)
			s.alter(in.Inventory.Object, func(f *file) { f.plain = write(t, inv) })
		}
	}
	headerOf := func(object func(*VerifyInput) archive.Object, change func(*sealed.Header)) func(*testing.T, *shelf, *VerifyInput) {
		return func(_ *testing.T, s *shelf, in *VerifyInput) {
			s.alter(object(in), func(f *file) { change(&f.header) })
		}
	}
	inv := func(in *VerifyInput) archive.Object { return in.Inventory.Object }
	snap := func(in *VerifyInput) archive.Object { return in.Snapshot.Object }
	for name, c := range map[string]struct {
		spoil func(*testing.T, *shelf, *VerifyInput)
		want  fault.Name
	}{
		"inventory: not in the bucket":    {func(_ *testing.T, _ *shelf, in *VerifyInput) { in.Inventory.Object.VersionID = "i2" }, fault.BackupCorrupt},
		"inventory: of another capture":   {headerOf(inv, func(h *sealed.Header) { h.CaptureID = "other" }), fault.BackupCorrupt},
		"inventory: of another execution": {headerOf(inv, func(h *sealed.Header) { h.CreatedBy += "-2" }), fault.BackupCorrupt},
		"inventory: really a snapshot":    {headerOf(inv, func(h *sealed.Header) { h.ContentType = sealed.ContentSnapshot }), fault.BackupCorrupt},
		"inventory: capture inside":       {inventoryOf(func(i *inventory.Inventory) { i.CaptureID = "other" }), fault.BackupCorrupt},
		"inventory: cluster inside":       {inventoryOf(func(i *inventory.Inventory) { i.ClusterID = "other" }), fault.BackupCorrupt},
		"inventory: a secret less":        {inventoryOf(func(i *inventory.Inventory) { i.Secrets = i.Secrets[:1] }), fault.BackupCorrupt},
		"inventory: other moment":         {inventoryOf(func(i *inventory.Inventory) { i.CapturedAt = night.Add(time.Second) }), fault.BackupCorrupt},
		"inventory: fewer were said":      {func(_ *testing.T, _ *shelf, in *VerifyInput) { in.Inventory.Secrets = 1 }, fault.BackupCorrupt},
		"inventory: another was said":     {func(_ *testing.T, _ *shelf, in *VerifyInput) { in.Snapshot.CapturedAt = now }, fault.BackupCorrupt},
		"inventory: malformed": {func(_ *testing.T, s *shelf, in *VerifyInput) {
			s.alter(in.Inventory.Object, func(f *file) { f.plain = []byte("{}\n") })
		}, fault.BackupCorrupt},
		"inventory: without its end": {func(_ *testing.T, s *shelf, in *VerifyInput) {
			s.alter(in.Inventory.Object, func(f *file) { f.plain = f.plain[:bytes.LastIndexByte(f.plain[:len(f.plain)-1], '\n')+1] })
		}, fault.BackupCorrupt},
		"inventory: changed": {func(_ *testing.T, s *shelf, in *VerifyInput) {
			s.alter(in.Inventory.Object, func(f *file) { f.plain, f.end = nil, fault.BackupCorrupt.Tellf("changed") })
		}, fault.BackupCorrupt},
		"inventory: the network breaks": {func(_ *testing.T, s *shelf, in *VerifyInput) {
			s.alter(in.Inventory.Object, func(f *file) { f.plain, f.end = nil, unavailable })
		}, fault.AWSUnavailable},
		"inventory: after its end": {func(_ *testing.T, s *shelf, in *VerifyInput) {
			s.alter(in.Inventory.Object, func(f *file) { f.end = unavailable })
		}, fault.AWSUnavailable},

		"snapshot: not in the bucket":    {func(_ *testing.T, _ *shelf, in *VerifyInput) { in.Snapshot.Object.Size++ }, fault.BackupCorrupt},
		"snapshot: of another capture":   {headerOf(snap, func(h *sealed.Header) { h.CaptureID = "other" }), fault.BackupCorrupt},
		"snapshot: of another execution": {headerOf(snap, func(h *sealed.Header) { h.CreatedBy = "" }), fault.BackupCorrupt},
		"snapshot: really an inventory":  {headerOf(snap, func(h *sealed.Header) { h.ContentType = sealed.ContentInventory }), fault.BackupCorrupt},
		"snapshot: of another cluster":   {headerOf(snap, func(h *sealed.Header) { h.Vault.ClusterID = "other" }), fault.BackupCorrupt},
		"snapshot: under another seal":   {headerOf(snap, func(h *sealed.Header) { h.Vault.Shares = 7 }), fault.BackupCorrupt},
		"snapshot: with other mounts":    {headerOf(snap, func(h *sealed.Header) { h.Vault.Mounts = nil }), fault.BackupCorrupt},
		"snapshot: older than its header": {func(_ *testing.T, s *shelf, in *VerifyInput) {
			in.Snapshot.Vault.RaftIndex = index + 1
			s.alter(in.Snapshot.Object, func(f *file) { f.header.Vault.RaftIndex = index + 1 })
		}, fault.BackupCorrupt},
		"snapshot: given up by Vault": {func(t *testing.T, s *shelf, in *VerifyInput) {
			s.alter(in.Snapshot.Object, func(f *file) { f.plain = sample(t, "") })
		}, fault.BackupCorrupt},
		"snapshot: cut": {func(_ *testing.T, s *shelf, in *VerifyInput) {
			s.alter(in.Snapshot.Object, func(f *file) { f.plain = f.plain[:len(f.plain)-1] })
		}, fault.BackupCorrupt},
		"snapshot: empty": {func(_ *testing.T, s *shelf, in *VerifyInput) {
			s.alter(in.Snapshot.Object, func(f *file) { f.plain = nil })
		}, fault.BackupCorrupt},
		"snapshot: the network breaks": {func(_ *testing.T, s *shelf, in *VerifyInput) {
			s.alter(in.Snapshot.Object, func(f *file) { f.plain, f.end = f.plain[:20], unavailable })
		}, fault.AWSUnavailable},

		"the survey fails": {func(_ *testing.T, s *shelf, _ *VerifyInput) { s.refuse["survey daily"] = unavailable }, fault.AWSUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s, in := captured(t)
			c.spoil(t, s, &in)
			got, err := Verifier{Archive: s, Now: clock}.Verify(t.Context(), in)
			if !fault.Is(err, c.want) || got != (Verified{}) {
				t.Errorf("%+v, %v, want %s", got, err, c.want)
			}
			if slices.Contains(s.calls, "sign") {
				t.Error("it is signed")
			}
			if strings.HasPrefix(name, "inventory") && slices.Contains(s.calls, "read "+in.Snapshot.Object.Key) {
				t.Error("the snapshot is read behind a bad inventory")
			}
		})
	}
}

func TestVerifyNotSigned(t *testing.T) {
	s, in := captured(t)
	s.refuse["sign"] = fault.BackupForged.Tellf("taken")
	if got, err := (Verifier{Archive: s, Now: clock}).Verify(t.Context(), in); !errors.Is(err, s.refuse["sign"]) || got != (Verified{}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// The chain: a manifest names the one before it in its tier, also where newer ones are there already.
func TestVerifyPrevious(t *testing.T) {
	on := func(days int) archive.Signed {
		slot := archive.SlotAt(archive.Daily, night.AddDate(0, 0, days))
		return archive.Signed{Manifest: archive.Manifest{Slot: slot}, SHA256: slot.Name()}
	}
	for name, c := range map[string]struct {
		there []archive.Signed // newest first
		want  string
	}{
		"none":                  {nil, ""},
		"yesterday's":           {[]archive.Signed{on(-1), on(-2)}, "2026-11-23"},
		"a gap":                 {[]archive.Signed{on(-5), on(-6)}, "2026-11-19"},
		"its own, on a retry":   {[]archive.Signed{on(0), on(-1)}, "2026-11-23"},
		"a repeat for that day": {[]archive.Signed{on(2), on(1), on(-1)}, "2026-11-23"},
		"only newer ones":       {[]archive.Signed{on(1)}, ""},
	} {
		s, in := captured(t)
		s.survey.Backups = c.there
		if _, err := (Verifier{Archive: s, Now: clock}).Verify(t.Context(), in); err != nil || s.signed.PreviousSHA256 != c.want {
			t.Errorf("%s: chained to %q, %v, want %q", name, s.signed.PreviousSHA256, err, c.want)
		}
	}
}

// A snapshot is at least as new as the index that Vault named before it was taken.
func TestVerifyNewerSnapshot(t *testing.T) {
	s, in := captured(t)
	in.Snapshot.Vault.RaftIndex = index - 1
	s.alter(in.Snapshot.Object, func(f *file) { f.header.Vault.RaftIndex = index - 1 })
	if _, err := (Verifier{Archive: s, Now: clock}).Verify(t.Context(), in); err != nil {
		t.Error(err)
	}
}
