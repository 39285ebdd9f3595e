package tenant

import (
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

func TestADoubtedCredentialIsNoted(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		if w.tenant().Unsettled() {
			t.Error("a new tenant is doubted")
		}
		note := func(since time.Time) {
			t.Helper()
			for range 2 {
				if err := w.registry().NoteStale(t.Context(), "acme", since); err != nil {
					t.Fatal(err)
				}
			}
		}
		note(w.now)
		if now := w.tenant(); !now.Unsettled() || !now.StaleSince.Equal(w.now) || now.Generation != 1 {
			t.Errorf("the tenant is %+v", now)
		}
		d := acme()
		d.Priority = 3
		if _, err := w.registrar().Register(t.Context(), Registration{d, 1}); err != nil {
			t.Fatal(err)
		}
		if !w.tenant().Unsettled() {
			t.Error("another description took the note away")
		}
		if err := w.registry().Suppress(t.Context(), "acme", true); err != nil {
			t.Fatal(err)
		}
		if w.tenant().Unsettled() {
			t.Error("people have the tenant in hand")
		}
		if err := w.registry().Suppress(t.Context(), "acme", false); err != nil {
			t.Fatal(err)
		}
		note(time.Time{})
		if now := w.tenant(); now.Unsettled() || !now.StaleSince.IsZero() {
			t.Errorf("the tenant is %+v", now)
		}
		wants(t, w.registry().NoteStale(t.Context(), "nobody", w.now), fault.TenantUnknown)
		wants(t, w.registry().NoteStale(t.Context(), "#budget", w.now), fault.InvalidInput)
	})
}

func TestAnAnnouncedRotationIsNoted(t *testing.T) {
	onEach(t, func(t *testing.T, w *world) {
		w.registered()
		due := w.now.Add(7 * 24 * time.Hour)
		for range 2 {
			if err := w.registry().NoteRotation(t.Context(), "acme", due); err != nil {
				t.Fatal(err)
			}
		}
		if now := w.tenant(); !now.RotationDue.Equal(due) || !now.StaleSince.IsZero() {
			t.Errorf("the tenant is %+v", now)
		}
		wants(t, w.registry().NoteRotation(t.Context(), "nobody", due), fault.TenantUnknown)
	})
}
