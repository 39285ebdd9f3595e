package archive

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

func TestSlotAt(t *testing.T) {
	night := time.Date(2026, 11, 30, 23, 59, 59, 999, time.UTC)
	west := time.Date(2026, 12, 31, 20, 30, 0, 0, time.FixedZone("west", -5*3600)) // 01:30 UTC of the next year
	leap := time.Date(2028, 2, 29, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		tier Tier
		at   time.Time
		want string
	}{
		{Daily, night, "backups/2026-11-30"},
		{Daily, west, "backups/2027-01-01"},
		{Daily, leap, "backups/2028-02-29"},
		{Monthly, night, "monthly/2026-11"},
		{Monthly, west, "monthly/2027-01"},
		{OnDemand, night, "on-demand/20261130T235959Z"},
		{OnDemand, west, "on-demand/20270101T013000Z"},
		{OnChange, night, "on-change/20261130T2359Z"},
		{OnChange, leap, "on-change/20280229T1200Z"},
		{PreRestore, night, "pre-restore/20261130T235959Z"},
	} {
		slot := SlotAt(c.tier, c.at)
		if slot.String() != c.want {
			t.Errorf("SlotAt(%s, %s) = %s, want %s", c.tier, c.at, slot, c.want)
		}
		if got := slot.Tier.Prefix() + slot.Name(); got != c.want {
			t.Errorf("prefix and name of %s are %s", c.want, got)
		}
		if got := slot.Key(ManifestName); got != c.want+"/manifest.json" {
			t.Errorf("the manifest's key is %s", got)
		}
		if again := SlotAt(c.tier, slot.Time); again != slot {
			t.Errorf("%s is the slot of %s by its own time", again, slot)
		}
	}
}

// What an operator types is the date alone in the tiers where everyone looks first.
func TestBackupDate(t *testing.T) {
	for _, c := range []struct {
		slot Slot
		want string
	}{
		{SlotAt(Daily, newYear), "2027-01-01"},
		{SlotAt(Monthly, newYear), "2027-01"},
		{SlotAt(OnDemand, newYear), "on-demand/20270101T020000Z"},
		{SlotAt(OnChange, newYear), "on-change/20270101T0200Z"},
		{SlotAt(PreRestore, newYear), "pre-restore/20270101T020000Z"},
		{Slot{}, ""},
	} {
		if got := c.slot.BackupDate(); got != c.want {
			t.Errorf("%s is typed %q, want %q", c.slot, got, c.want)
		}
	}
}

// Whatever a slot writes, it reads; and two slots are equal when their folders are.
func TestSlotRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tier := rapid.SampledFrom(Tiers()).Draw(t, "tier")
		at := time.Unix(rapid.Int64Range(-62e9, 253e9).Draw(t, "second"), 0) // the years 5 to 9987
		slot := SlotAt(tier, at.In(time.FixedZone("", rapid.IntRange(-14*3600, 14*3600).Draw(t, "offset"))))
		parsed, err := ParseSlot(slot.String())
		if err != nil || parsed != slot {
			t.Fatalf("ParseSlot(%q) = %#v, %v, want %#v", slot, parsed, err, slot)
		}
		text, err := json.Marshal(map[string]Slot{"slot": slot})
		if err != nil || string(text) != `{"slot":"`+slot.String()+`"}` {
			t.Fatalf("%s is %s in JSON, %v", slot, text, err)
		}
		var read struct {
			Slot Slot `json:"slot"`
		}
		if err := strictjson.Unmarshal(text, &read); err != nil || read.Slot != slot {
			t.Fatalf("%s came back from JSON as %s, %v", text, read.Slot, err)
		}
		for _, name := range []string{SnapshotName, InventoryName, ManifestName} {
			if s, n, ok := parseKey(slot.Key(name)); !ok || s != slot || n != name {
				t.Fatalf("parseKey(%q) = %s, %s, %t", slot.Key(name), s, n, ok)
			}
		}
	})
}

func TestParseSlotRefuses(t *testing.T) {
	for _, text := range []string{
		"", "backups", "backups/", "/backups/2026-11-24", "backups/2026-11-24/", "backups//2026-11-24", " backups/2026-11-24",
		"backups/2026-11-24 ", "Backups/2026-11-24", "backups/2026-11", "backups/2026-1-24", "backups/2026-02-29",
		"backups/2026-13-01", "backups/2026-11-31", "backups/26-11-24", "backups/20261124", "backups/2026-11-24T02:00:00Z",
		"monthly/2026-11-24", "monthly/2026-00", "monthly/2026-1", "monthly/202611",
		"on-demand/20261124T061500", "on-demand/20261124T061500z", "on-demand/20261124T061500.5Z", "on-demand/20261124T0615Z",
		"on-demand/20261124T246060Z", "on-demand/20261124T061500+0000", "on-change/20261124T061500Z", "on-change/20261124T0660Z",
		"on-change/2026-11-24", "pre-restore/20261124T0615Z", "before-restore/20261124T061500Z", "2026-11-24", "audit/2026-11-24", "backups/latest", "backups/..",
	} {
		if slot, err := ParseSlot(text); err == nil {
			t.Errorf("ParseSlot(%q) = %#v", text, slot)
		}
		var slot Slot
		if err := slot.UnmarshalText([]byte(text)); text != "" && err == nil {
			t.Errorf("UnmarshalText(%q) = %#v", text, slot)
		}
	}
}

// The empty string is no slot, in both directions: a plan without promotion says so.
func TestNoSlot(t *testing.T) {
	slot := SlotAt(Daily, time.Now())
	if err := json.Unmarshal([]byte(`""`), &slot); err != nil || slot != (Slot{}) {
		t.Errorf("the empty string is the slot %#v, %v", slot, err)
	}
	if text, err := json.Marshal(Slot{}); err != nil || string(text) != `""` {
		t.Errorf("no slot is %s in JSON, %v", text, err)
	}
}

func TestParseKeyRefuses(t *testing.T) {
	for _, key := range []string{
		"", "manifest.json", "/manifest.json", "backups/manifest.json", "backups/2026-11-24", "backups/2026-11-24/",
		"backups/2026-11-24/manifest.json.bak", "backups/2026-11-24/Manifest.json", "backups/2026-11-24/x/manifest.json",
		"backups/2026-11-24//manifest.json", "backups/2026-11-31/manifest.json", "audit/records/platform/1.json",
		"monthly/2026-11-24/inventory.enc", "x/backups/2026-11-24/vault-snapshot.enc",
	} {
		if slot, name, ok := parseKey(key); ok {
			t.Errorf("parseKey(%q) = %s, %s", key, slot, name)
		}
	}
}

// Whoever may put objects chooses their keys: no key is read as one that it is not.
func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{
		"backups/2026-11-24/manifest.json", "monthly/2026-11/inventory.enc", "on-demand/20261124T061500Z/vault-snapshot.enc",
		"on-change/20261124T0615Z/manifest.json", "backups/2026-02-30/manifest.json", "//", "backups/0000-01-01/manifest.json",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, key string) {
		slot, name, ok := parseKey(key)
		if ok != (name != "") || ok && slot.Key(name) != key {
			t.Errorf("parseKey(%q) = %s, %q, %t", key, slot, name, ok)
		}
	})
}

func TestTiers(t *testing.T) {
	for _, c := range []struct {
		tier   Tier
		prefix string
		days   int
		keep   int
	}{
		{Daily, "backups/", 35, 30},
		{Monthly, "monthly/", 400, 12},
		{OnDemand, "on-demand/", 14, 0},
		{OnChange, "on-change/", 14, 0},
	} {
		if c.tier.Prefix() != c.prefix || c.tier.Lock() != time.Duration(c.days)*24*time.Hour || c.tier.Keep() != c.keep {
			t.Errorf("%s lies in %s, is locked for %s, and %d are kept", c.tier, c.tier.Prefix(), c.tier.Lock(), c.tier.Keep())
		}
	}
	tiers := Tiers()
	for tier, shape := range shapes {
		if !slices.Contains(tiers, tier) {
			t.Errorf("Tiers leaves %s out", tier)
		}
		for other, shape2 := range shapes {
			if other != tier && strings.HasPrefix(shape2.prefix, shape.prefix) {
				t.Errorf("a listing of %s would hold %s", tier, other)
			}
		}
	}
	if len(tiers) != len(shapes) {
		t.Errorf("Tiers lists %v", tiers)
	}
}

func TestNext(t *testing.T) {
	for from, want := range map[string]string{
		"backups/2028-02-28":         "backups/2028-02-29",
		"monthly/2026-12":            "monthly/2027-01",
		"on-demand/20261231T235959Z": "on-demand/20270101T000000Z",
		"on-change/20261231T2359Z":   "on-change/20270101T0000Z",
	} {
		slot, err := ParseSlot(from)
		if err != nil {
			t.Fatal(err)
		}
		if got := slot.Next().String(); got != want {
			t.Errorf("after %s comes %s, want %s", from, got, want)
		}
		if again, err := ParseSlot(want); err != nil || again != slot.Next() {
			t.Errorf("%s is not the slot that Next gives: %v, %v", want, again, err)
		}
	}
}
