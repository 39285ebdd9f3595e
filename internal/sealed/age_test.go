package sealed

import (
	"bytes"
	"errors"
	"testing"

	"filippo.io/age"
)

func newIdentity(t testing.TB) *age.X25519Identity {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func TestBreakGlass(t *testing.T) {
	identity, stranger := newIdentity(t), newIdentity(t)
	file, h := seal(t, pattern(100), BreakGlass(identity.Recipient()))

	for name, opener := range map[string]Opener{
		"age":                   WithAge(identity),
		"one of two identities": WithAge(stranger, identity),
		"KMS":                   WithKMS(&fixedKMS{context: h.encryptionContext()}),
	} {
		if plaintext, err := open(t.Context(), file, opener); err != nil || !bytes.Equal(plaintext, pattern(100)) {
			t.Errorf("%s: %d bytes, %v", name, len(plaintext), err)
		}
	}
	if k, ok := h.key(keyAge); !ok || k.Recipient != identity.Recipient().String() {
		t.Errorf("the header names recipient %q", k.Recipient)
	}
	if _, err := open(t.Context(), file, WithAge(stranger)); !errors.Is(err, ErrKey) {
		t.Errorf("another identity: %v", err)
	}
	if _, err := open(t.Context(), file, WithAge()); err == nil {
		t.Error("opened with no identity")
	}
	plain, _ := seal(t, pattern(100))
	if _, err := open(t.Context(), plain, WithAge(identity)); !errors.Is(err, ErrKey) {
		t.Errorf("a file without age key: %v", err)
	}
}

// TestAgeKeyOfAnotherFile moves a wrapped key into another header: age binds it to nothing, the commitment does.
func TestAgeKeyOfAnotherFile(t *testing.T) {
	identity := newIdentity(t)
	_, h := seal(t, pattern(100), BreakGlass(identity.Recipient()))
	another, err := wrapForAge(bytes.Repeat([]byte{7}, keySize), identity.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	h.Keys = []Key{h.Keys[0], another}
	p, err := h.marshal()
	if err != nil {
		t.Fatal(err)
	}
	file := independentSeal(p[prefixSize:], bytes.Repeat([]byte{7}, keySize), unhex(t, h.FileID), pattern(100))
	if _, err := open(t.Context(), file, WithAge(identity)); !errors.Is(err, ErrKey) {
		t.Errorf("got %v", err)
	}
}

func TestAgeKeyMustBeADataKey(t *testing.T) {
	identity := newIdentity(t)
	for _, n := range []int{0, 16, keySize - 1, keySize + 1, 100_000} {
		k, err := wrapForAge(make([]byte, n), identity.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		if key, err := WithAge(identity).DataKey(t.Context(), Header{Keys: []Key{k}}); !errors.Is(err, ErrKey) {
			t.Errorf("%d bytes gave a key of %d, %v", n, len(key), err)
		}
	}
	k, err := wrapForAge(testKey, identity.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	for i := range k.Ciphertext {
		changed := Key{Type: keyAge, Recipient: k.Recipient, Ciphertext: bytes.Clone(k.Ciphertext)}
		changed.Ciphertext[i] ^= 1
		if _, err := WithAge(identity).DataKey(t.Context(), Header{Keys: []Key{changed}}); !errors.Is(err, ErrKey) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		changed.Ciphertext = k.Ciphertext[:i]
		if _, err := WithAge(identity).DataKey(t.Context(), Header{Keys: []Key{changed}}); !errors.Is(err, ErrKey) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
}
