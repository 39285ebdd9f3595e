package mailu

import (
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// TestRecordedHash checks a hash that Mailu made: that of empty@, whose password was set to nothing.
func TestRecordedHash(t *testing.T) {
	t.Parallel()
	const empty = "$bcrypt-sha256$v=2,t=2b,r=12$c5XzCo.m9imo8V.Oi2uCe.$L4F9h9M4KQN2aHZmj2RfM..uMZ1iCny"
	if !matches(empty, "") {
		t.Error("the recorded hash of the empty password does not match it")
	}
	if matches(empty, " ") {
		t.Error("the recorded hash of the empty password matches another one")
	}
}

func TestHashPassword(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"secret", "pässwörd-密码", "a\x00b", strings.Repeat("x", maxPassword)} {
		hash, err := hashPassword(password)
		if err != nil {
			t.Fatal(err)
		}
		if !matches(hash, password) || matches(hash, password+"x") {
			t.Errorf("the hash %s does not tell its own password", hash)
		}
		if again, err := hashPassword(password); err != nil || again == hash || saltOf(again) == saltOf(hash) {
			t.Errorf("the salt was used twice (%v)", err)
		}
	}
	if _, err := hashPassword(strings.Repeat("x", maxPassword+1)); err == nil {
		t.Error("a password beyond the limit was hashed")
	}
}

func TestMatchesNothing(t *testing.T) {
	t.Parallel()
	for _, hash := range []string{"", "!", hashPrefix, hashPrefix + "short$", hashPrefix + strings.Repeat("!", 22) + "$", "$2b$12$c5XzCo.m9imo8V.Oi2uCe.L4F9h9M4KQN2aHZmj2RfM..uMZ1iCny"} {
		if matches(hash, "") {
			t.Errorf("%q matches", hash)
		}
	}
}

// TestBcrypt holds the digest against the library's.
func TestBcrypt(t *testing.T) {
	t.Parallel()
	theirs, err := bcrypt.GenerateFromPassword([]byte("a password"), hashCost)
	if err != nil {
		t.Fatal(err)
	}
	rest := strings.TrimPrefix(string(theirs), "$2a$12$")
	salt, err := bcryptText.DecodeString(rest[:22])
	if err != nil {
		t.Fatal(err)
	}
	ours, err := bcryptDigest("a password", salt)
	if err != nil || ours != rest[22:] {
		t.Errorf("digest %q, the library has %q (%v)", ours, rest[22:], err)
	}
}
