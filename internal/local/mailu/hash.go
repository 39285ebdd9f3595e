package mailu

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	//lint:ignore SA1019 bcrypt is made of Blowfish, and Mailu's hashes of bcrypt
	"golang.org/x/crypto/blowfish"
)

// Mailu keeps a password as passlib's bcrypt-sha256, version 2:
//
//	$bcrypt-sha256$v=2,t=2b,r=12$<salt>$<digest>     digest = bcrypt(base64(HMAC-SHA256(key = salt, password)))
//
// salt is 22 and digest 31 characters of bcrypt's own base64. The HMAC is keyed with the salt as it is written.
const (
	hashPrefix = "$bcrypt-sha256$v=2,t=2b,r=12$"
	hashCost   = 12
	// maxPassword is passlib's limit in bytes; Mailu answers a longer password with 500.
	maxPassword = 4096
)

// bcryptText is the base64 of bcrypt: its own alphabet, no padding.
var bcryptText = base64.NewEncoding("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789").WithPadding(base64.NoPadding)

// hashPassword is the password in Mailu's form, under a new salt.
func hashPassword(password string) (string, error) {
	if len(password) > maxPassword {
		return "", fmt.Errorf("the password has more than %d bytes", maxPassword)
	}
	var raw [16]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return "", err
	}
	salt := bcryptText.EncodeToString(raw[:])
	digest, err := bcryptSHA256(password, salt)
	if err != nil {
		return "", err
	}
	return hashPrefix + salt + "$" + digest, nil
}

// matches tells whether the password has this hash; anything but a hash in Mailu's form matches nothing.
func matches(hash, password string) bool {
	salt, digest, ok := strings.Cut(strings.TrimPrefix(hash, hashPrefix), "$")
	if !ok || !strings.HasPrefix(hash, hashPrefix) || len(password) > maxPassword {
		return false
	}
	computed, err := bcryptSHA256(password, salt)
	return err == nil && subtle.ConstantTimeCompare([]byte(computed), []byte(digest)) == 1
}

// saltOf is the part of a hash that changes with every new password.
func saltOf(hash string) string {
	salt, _, _ := strings.Cut(strings.TrimPrefix(hash, hashPrefix), "$")
	return salt
}

func bcryptSHA256(password, salt string) (string, error) {
	raw, err := bcryptText.DecodeString(salt)
	if err != nil || len(raw) != 16 {
		return "", fmt.Errorf("the salt of a password hash is malformed")
	}
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(password))
	return bcryptDigest(base64.StdEncoding.EncodeToString(mac.Sum(nil)), raw)
}

// bcryptDigest is bcrypt at cost 12 under a given salt, which x/crypto/bcrypt chooses itself: the salt is needed before,
// to key the HMAC. The algorithm is Provos and Mazières, "A Future-Adaptable Password Scheme", 1999.
func bcryptDigest(key string, salt []byte) (string, error) {
	terminated := append([]byte(key), 0)
	cipher, err := blowfish.NewSaltedCipher(terminated, salt)
	if err != nil {
		return "", err
	}
	for range 1 << hashCost {
		blowfish.ExpandKey(terminated, cipher)
		blowfish.ExpandKey(salt, cipher)
	}
	text := []byte("OrpheanBeholderScryDoubt")
	for range 64 {
		for block := 0; block < len(text); block += blowfish.BlockSize {
			cipher.Encrypt(text[block:], text[block:])
		}
	}
	return bcryptText.EncodeToString(text[:23]), nil // bcrypt drops the last byte
}
