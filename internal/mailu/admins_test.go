package mailu

import (
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

func TestAdmins(t *testing.T) {
	w := newWorld(t)
	w.api.say("set", 200, "application/json", userWith(passwordHash, "true", "true"))
	w.api.say("disabled", 200, "application/json", userWith(passwordHash, "true", "false"))
	w.api.say("other", 200, "application/json", userWith(otherHash, "true", "true"))
	admins, closed, err := OpenAdmins(t.Context(), w.vault, tenant.ID, w.at(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer closed()
	for answer, want := range map[string]bool{"set": true, "other": false, "disabled": false, "find unknown": false} {
		w.api.on("GET /user/"+bob, answer)
		if has, err := admins.Has(t.Context(), bob, secret.New(password)); err != nil || has != want {
			t.Errorf("%s: %v, %v, want %v", answer, has, err, want)
		}
	}
	if len(w.api.changes()) != 0 {
		t.Errorf("a look has changed something: %q", w.api.changes())
	}
	w.api.on("GET /user/"+bob, "other", "set")
	w.api.on("PATCH /user/"+bob, "PATCH raw_password")
	if changed, err := admins.Install(t.Context(), Credential{Username: bob, Password: secret.New(password)}); err != nil || !changed {
		t.Errorf("Install = %v, %v", changed, err)
	}
}

func TestAdminsThatCannotBeOpened(t *testing.T) {
	for path, want := range map[string]fault.Name{"vps/tenant-1/admin_ssh": fault.CredentialMissing, "vps/tenant-1/mailu_api": fault.CredentialMissing} {
		w := newWorld(t)
		delete(w.vault, path)
		if _, _, err := OpenAdmins(t.Context(), w.vault, tenant.ID, w.at(), ""); !fault.Is(err, want) {
			t.Errorf("without %s: %v, want %s", path, err, want)
		}
	}
	w := newWorld(t)
	at := w.at()
	at.HostKey = otherKey(t)
	if _, _, err := OpenAdmins(t.Context(), w.vault, tenant.ID, at, ""); !fault.Is(err, fault.HostKeyMismatch) {
		t.Errorf("another host: %v, want HostKeyMismatch", err)
	}
}
