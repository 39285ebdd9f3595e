package mailprobe

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MatchDKIM compares the key that a server signs with to the TXT records of DNS: exactly one of those must be a key, and
// it must be the same one. Tags may stand in any order and with any white space (RFC 6376, section 3.6.1).
func MatchDKIM(served string, published []string) error {
	want, err := publicKey(served)
	if err != nil {
		return fmt.Errorf("the server's key: %w", err)
	}
	var keys []string
	for _, text := range published {
		if _, ok := tagP(text); ok {
			keys = append(keys, text)
		}
	}
	if len(keys) != 1 {
		return fmt.Errorf("%d keys in DNS, want 1", len(keys))
	}
	got, err := publicKey(keys[0])
	if err != nil {
		return fmt.Errorf("the key in DNS: %w", err)
	}
	if !slices.Equal(got, want) {
		return errors.New("the key in DNS is not the one that the server signs with")
	}
	return nil
}

// publicKey is the SubjectPublicKeyInfo in a DKIM record.
func publicKey(record string) ([]byte, error) {
	value, ok := tagP(record)
	if !ok {
		return nil, errors.New("no tag p")
	}
	der, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, errors.New("no base64")
	}
	if _, err := x509.ParsePKIXPublicKey(der); err != nil { // an empty one says that the key was revoked
		return nil, errors.New("no public key")
	}
	return der, nil
}

// tagP is the value of a record's tag p, without white space.
func tagP(record string) (value string, ok bool) {
	for tag := range strings.SplitSeq(record, ";") {
		name, value, found := strings.Cut(tag, "=")
		if found && strings.TrimSpace(name) == "p" {
			return strings.Join(strings.Fields(value), ""), true
		}
	}
	return "", false
}
