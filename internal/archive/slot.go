// Package archive is the bucket of backups: slots that hold one capture each, sealed objects under Object Lock, and the
// signed manifest whose presence makes a slot a backup. Keys and formats: docs/formats.md.
package archive

import (
	"fmt"
	"strings"
	"time"
)

// Tier says why a backup was taken, and so where it lies and for how long it is kept.
type Tier string

const (
	// Daily: by the schedule, one slot a day; 30 are kept.
	Daily Tier = "daily"
	// Monthly: the first verified daily one of a month, written anew; 12 are kept.
	Monthly Tier = "monthly"
	// OnDemand: an operator asked for it.
	OnDemand Tier = "on-demand"
	// OnChange: a credential or a server changed.
	OnChange Tier = "on-change"
	// PreRestore: what a live Vault held before a restore went over it, the way back.
	PreRestore Tier = "pre-restore"
)

const day = 24 * time.Hour

// shape is what a tier looks like in the bucket.
type shape struct {
	prefix string
	// layout is the Go time layout of the slot's name, always UTC.
	layout string
	// lock is how long Object Lock keeps every object of the slot: nobody, root included, deletes it before.
	lock time.Duration
	// step is the time between two slots; a month has none.
	step time.Duration
	// keep is how many verified backups PruneBackups leaves, the newest ones; 0: as long as the lock.
	keep int
}

var shapes = map[Tier]shape{
	Daily:    {"backups/", time.DateOnly, 35 * day, day, 30},
	Monthly:  {"monthly/", "2006-01", 400 * day, 0, 12},
	OnDemand: {"on-demand/", "20060102T150405Z", 14 * day, time.Second, 0},
	OnChange: {"on-change/", "20060102T1504Z", 14 * day, time.Minute, 0},

	PreRestore: {"pre-restore/", "20060102T150405Z", 14 * day, time.Second, 0},
}

// Tiers lists every tier, the ones that a restore looks at first to last.
func Tiers() []Tier { return []Tier{Daily, Monthly, OnDemand, OnChange, PreRestore} }

// Lock is how long Object Lock holds the objects of the tier.
func (t Tier) Lock() time.Duration { return shapes[t].lock }

// Keep is how many verified backups of the tier stay when older ones may go; 0 means that only the lock's age counts.
func (t Tier) Keep() int { return shapes[t].keep }

// Prefix is the folder of the tier's slots, "backups/".
func (t Tier) Prefix() string { return shapes[t].prefix }

// Slot is the place of one backup: the folder in the bucket, "backups/2026-11-24". The zero Slot is no place.
type Slot struct {
	Tier Tier
	// Time is the slot's name as a time, to the precision of its tier, UTC.
	Time time.Time
}

// SlotAt is the tier's slot for a moment.
func SlotAt(tier Tier, at time.Time) Slot {
	s, err := time.Parse(shapes[tier].layout, at.UTC().Format(shapes[tier].layout))
	if err != nil {
		panic(fmt.Sprintf("archive: the layout of tier %q does not parse its own output: %v", tier, err))
	}
	return Slot{tier, s}
}

// ParseSlot reads a slot's folder; it accepts exactly what String writes.
func ParseSlot(text string) (Slot, error) {
	for tier, shape := range shapes {
		name, ok := strings.CutPrefix(text, shape.prefix)
		if !ok {
			continue
		}
		at, err := time.Parse(shape.layout, name)
		if err == nil && at.Format(shape.layout) == name {
			return Slot{tier, at}, nil
		}
	}
	return Slot{}, fmt.Errorf("%q is not the folder of a backup", text)
}

// Next is the tier's slot after this one.
func (s Slot) Next() Slot {
	if s.Tier == Monthly {
		return Slot{s.Tier, s.Time.AddDate(0, 1, 0)}
	}
	return Slot{s.Tier, s.Time.Add(shapes[s.Tier].step)}
}

// Name is the slot's own part of the folder: the date that operators use.
func (s Slot) Name() string { return s.Time.Format(shapes[s.Tier].layout) }

func (s Slot) String() string {
	if s == (Slot{}) {
		return ""
	}
	return s.Tier.Prefix() + s.Name()
}

// Key is the object of that name in the slot.
func (s Slot) Key(name string) string { return s.String() + "/" + name }

// MarshalText and UnmarshalText make a slot a JSON string; the zero slot is the empty string.
func (s Slot) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the reverse of MarshalText.
func (s *Slot) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*s = Slot{}
		return nil
	}
	*s, err = ParseSlot(string(text))
	return err
}

// The three objects of a slot.
const (
	SnapshotName  = "vault-snapshot.enc"
	InventoryName = "inventory.enc"
	ManifestName  = "manifest.json"
)

// parseKey splits a key into its slot and the object's name; ok is false for keys that are no part of a backup.
func parseKey(key string) (slot Slot, name string, ok bool) {
	i := strings.LastIndexByte(key, '/')
	if i < 0 {
		return Slot{}, "", false
	}
	slot, err := ParseSlot(key[:i])
	if err != nil {
		return Slot{}, "", false
	}
	switch name = key[i+1:]; name {
	case SnapshotName, InventoryName, ManifestName:
		return slot, name, true
	}
	return Slot{}, "", false
}

// BackupDate is what an operator types to restore this slot: the date alone where that is enough, else the folder.
func (s Slot) BackupDate() string {
	if s.Tier == Daily || s.Tier == Monthly {
		return s.Name()
	}
	return s.String()
}
