package archive

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

// A payload that passes as a manifest pins two versions in its own slot, and says the same when it is written again.
func FuzzManifest(f *testing.F) {
	for _, slot := range []Slot{november, SlotAt(Monthly, newYear), SlotAt(OnDemand, newYear), {}} {
		seed, err := json.Marshal(manifestOf(slot))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var m Manifest
		if strictjson.Unmarshal(payload, &m) != nil || m.validate() != nil {
			return
		}
		for name, o := range map[string]Object{SnapshotName: m.Snapshot, InventoryName: m.Inventory} {
			if slot, is, ok := parseKey(o.Key); !ok || slot != m.Slot || is != name || o.VersionID == "" {
				t.Errorf("%s is pinned to %+v", name, o)
			}
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var same Manifest
		if err := strictjson.Unmarshal(again, &same); err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		if d := cmp.Diff(m, same, cmpopts.EquateEmpty()); d != "" {
			t.Error(d)
		}
	})
}
