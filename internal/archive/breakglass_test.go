package archive

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

func newIdentity(t *testing.T) *age.X25519Identity {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

// Whatever is sealed, and the monthly copy of it, opens with the identity alone; KMS opens it as before.
func TestSealForBreakGlass(t *testing.T) {
	plain, b := newStore(t)
	identity := newIdentity(t)
	s, err := plain.SealFor(BreakGlass{identity.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{SnapshotName, InventoryName} {
		o := mustSeal(t, s, november, name, "what Vault holds")
		copied, err := s.Copy(t.Context(), o, SlotAt(Monthly, newYear), name)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []Object{o, copied} {
			lies := b.find(o.Key, o.VersionID).body
			if got, err := openWith(t, lies, identity); err != nil || got != "what Vault holds" {
				t.Errorf("%s: %q, %v", o.Key, got, err)
			}
			if _, err := openWith(t, lies, newIdentity(t)); !errors.Is(err, sealed.ErrKey) {
				t.Errorf("%s opens for a stranger: %v", o.Key, err)
			}
			if got, err := read(t.Context(), plain, o); err != nil || string(got) != "what Vault holds" {
				t.Errorf("%s with KMS: %q, %v", o.Key, got, err)
			}
		}
	}
	o := mustSeal(t, plain, november, SnapshotName, "sealed for KMS alone")
	if _, err := openWith(t, b.find(o.Key, o.VersionID).body, identity); !errors.Is(err, sealed.ErrKey) {
		t.Errorf("the first store seals for the recipient too: %v", err)
	}
}

func openWith(t *testing.T, file []byte, identity age.Identity) (string, error) {
	t.Helper()
	r, err := sealed.Open(t.Context(), bytes.NewReader(file), sealed.WithAge(identity))
	if err != nil {
		return "", err
	}
	plain, err := io.ReadAll(r)
	return string(plain), err
}

// A recipient that is none stops the step before it asks Vault or the bucket for anything. It is not repeated: it may be
// the secret half.
func TestRecipientThatIsNone(t *testing.T) {
	s, _ := newStore(t)
	identity := newIdentity(t)
	recipient := identity.Recipient().String()
	for name, given := range map[string]string{
		"the identity":   identity.String(),
		"one letter off": recipient[:61] + map[bool]string{true: "p", false: "q"}[recipient[61] == 'q'],
		"cut short":      recipient[:61],
		"an SSH key":     "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN",
		"two":            recipient + "," + recipient,
		"a space":        " ",
	} {
		store, err := s.SealFor(BreakGlass{given})
		if store != nil || !fault.Is(err, fault.InvalidConfiguration) || !strings.Contains(err.Error(), "BreakGlassRecipient") {
			t.Errorf("%s: %v, %v", name, store, err)
		}
		if err != nil && strings.Contains(strings.ToLower(err.Error()), strings.ToLower(given[:min(len(given), 20)])) && given != " " {
			t.Errorf("%s is in the error", name)
		}
	}
	if store, err := s.SealFor(BreakGlass{}); store != s || err != nil {
		t.Errorf("none: %v, %v", store, err)
	}
}
