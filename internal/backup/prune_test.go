package backup

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// tiers is an archive that prunes what it is told, and fails at one tier.
type tiers struct {
	done  map[archive.Tier]archive.Pruned
	fail  archive.Tier
	asked []archive.Tier
}

var errFull = fault.AWSRefused.Errorf("denied")

func (a *tiers) Prune(_ context.Context, tier archive.Tier) (archive.Pruned, error) {
	a.asked = append(a.asked, tier)
	if tier == a.fail {
		return archive.Pruned{}, errFull
	}
	return a.done[tier], nil
}

func TestPruneSumsUp(t *testing.T) {
	a := &tiers{done: map[archive.Tier]archive.Pruned{
		archive.Daily:      {Kept: 30, Deleted: 2, Versions: 7, Tampered: []archive.Slot{archive.SlotAt(archive.Daily, night)}},
		archive.Monthly:    {Kept: 12, Deleted: 1, Versions: 3},
		archive.OnDemand:   {Kept: 1, Foreign: 4, Tampered: []archive.Slot{archive.SlotAt(archive.OnDemand, night)}, Lately: true},
		archive.OnChange:   {Kept: 5, Deleted: 40, Versions: 120},
		archive.PreRestore: {Kept: 2},
	}}
	got, err := Pruner{a}.Prune(t.Context(), PruneInput{Execution: running})
	named := archive.SlotAt(archive.Daily, night).String() + ", " + archive.SlotAt(archive.OnDemand, night).String()
	if d := cmp.Diff(Pruned{Tiers: a.done, Deleted: 43, Tampered: named, Alarm: true}, got); d != "" || err != nil {
		t.Errorf("%v; - wanted, + answered:\n%s", err, d)
	}
	if !slices.Equal(a.asked, archive.Tiers()) {
		t.Errorf("asked for %v", a.asked)
	}
	for tier, one := range got.Tiers { // the slots are told once
		one.Tampered, one.Lately = nil, false
		got.Tiers[tier] = one
	}
	if d := cmp.Diff(got, pass(t, got)); d != "" {
		t.Errorf("the next step gets another result:\n%s", d)
	}
}

func TestPruneFails(t *testing.T) {
	for _, tier := range archive.Tiers() {
		got, err := Pruner{&tiers{fail: tier}}.Prune(t.Context(), PruneInput{Execution: running})
		if !errors.Is(err, errFull) || got.Tiers != nil {
			t.Errorf("%s: %+v, %v", tier, got, err)
		}
	}
}
