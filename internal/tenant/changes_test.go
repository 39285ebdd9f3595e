package tenant

import (
	"testing"
	"time"
)

func TestChangesOfVaultAreNoted(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		r := w.registry()
		noted := func(want time.Time) {
			t.Helper()
			if at, err := r.Unsaved(t.Context()); err != nil || !at.Equal(want) {
				t.Errorf("noted is %v, %v, want %v", at, err, want)
			}
		}
		note := func(at time.Time) {
			t.Helper()
			if err := r.NoteUnsaved(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
		save := func(at time.Time) {
			t.Helper()
			if err := r.Saved(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
		noted(time.Time{})
		first := w.now.Add(123456789 * time.Nanosecond).In(time.FixedZone("CET", 3600))
		note(first)
		noted(first)
		second := first.Add(time.Nanosecond)
		note(second)
		save(first) // a change came while its backup was started
		noted(second)
		save(second)
		noted(time.Time{})
		save(second)
		noted(time.Time{})
	})
}
