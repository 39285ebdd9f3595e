package mailu

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"regexp"

	"golang.org/x/crypto/bcrypt"

	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// bcryptSHA256 is passlib's second form of bcrypt-sha256, with which Mailu stores passwords:
//
//	$bcrypt-sha256$v=2,t=2b,r=12$<22 characters of salt>$<31 of digest>
//
// Up to 2^16 rounds are accepted: beyond that a hash could keep a function busy for its whole life.
var bcryptSHA256 = regexp.MustCompile(`^\$bcrypt-sha256\$v=2,t=2b,r=([4-9]|1[0-6])\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})$`)

// VerifyHash reports whether a password is the one of Mailu's hash, as GET /user/{email} shows it: without a login, so
// that it counts against no rate limit and opens no session. The digest is bcrypt over base64(HMAC-SHA256(key = salt,
// password)), compared in constant time. A hash of any other form is not verified.
func VerifyHash(hash string, password secret.String) bool {
	part := bcryptSHA256.FindStringSubmatch(hash)
	if part == nil {
		return false
	}
	rounds, salt, digest := part[1], part[2], part[3]
	if len(rounds) == 1 {
		rounds = "0" + rounds
	}
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte(password.Reveal()))
	prehashed := base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return bcrypt.CompareHashAndPassword([]byte("$2b$"+rounds+"$"+salt+digest), []byte(prehashed)) == nil
}
