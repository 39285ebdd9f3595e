package sealed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"testing"
	"time"
)

// testKey is the data key of every test file and test vector.
var testKey = []byte("test vector: not a secret key ..")

// testWrapped stands for testKey wrapped by KMS.
var testWrapped = []byte("test vector: a wrapped data key")

const testKeyARN = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-4333-8444-555555555555"

func testMeta() Meta {
	return Meta{
		CaptureID:   "6f1d2c3a-0b4e-4d7f-9a51-2f6e8c7b9d10",
		ContentType: ContentSnapshot,
		CreatedAt:   time.Date(2026, 11, 24, 2, 0, 31, 0, time.UTC),
		CreatedBy:   "arn:aws:states:us-east-1:123456789012:execution:vault-backup:2026-11-24",
		Vault: Vault{
			Version: "1.21.1", ClusterID: "0c7e6a52-7d0c-4f5b-8f43-90a5a1d3c6e2",
			SealType: "shamir", Shares: 5, Threshold: 3, RaftIndex: 48213,
			AuditDevices: []string{"file/"}, Mounts: []string{"dkim/", "smtp/", "transit/", "vps/"},
		},
	}
}

// fixedKMS hands out testKey, and gives it back for what it wrapped last and for that context only.
type fixedKMS struct{ context map[string]string }

func (k *fixedKMS) GenerateDataKey(_ context.Context, encryptionContext map[string]string) (plaintext, wrapped []byte, keyARN string, err error) {
	k.context = encryptionContext
	return bytes.Clone(testKey), bytes.Clone(testWrapped), testKeyARN, nil
}

func (k *fixedKMS) UnwrapDataKey(_ context.Context, wrapped []byte, encryptionContext map[string]string) ([]byte, error) {
	if !bytes.Equal(wrapped, testWrapped) || !maps.Equal(k.context, encryptionContext) {
		return nil, fmt.Errorf("%w: not wrapped like this", ErrKey)
	}
	return bytes.Clone(testKey), nil
}

// holder opens every file with the same key, as someone who has the data key itself would.
type holder []byte

func (h holder) DataKey(context.Context, Header) ([]byte, error) { return bytes.Clone(h), nil }

// pattern is the plaintext of the test vectors: byte i is i mod 251, a prime, so that no two segments are alike.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

func seal(t testing.TB, plaintext []byte, opts ...Option) ([]byte, Header) {
	t.Helper()
	var file bytes.Buffer
	w, err := NewWriter(t.Context(), &file, testMeta(), &fixedKMS{}, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plaintext); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes(), w.Header()
}

// open reads a file to its end; the plaintext is nil unless the end was clean.
func open(ctx context.Context, file []byte, opener Opener) ([]byte, error) {
	r, err := Open(ctx, bytes.NewReader(file), opener)
	if err != nil {
		return nil, err
	}
	plaintext, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return plaintext, nil
}

// results names the errors as the test vectors do, for readers in any language.
var results = map[string]error{
	"not-sealed":      ErrNotSealed,
	"unknown-version": ErrUnknownVersion,
	"truncated":       ErrTruncated,
	"bad-header":      ErrHeader,
	"wrong-key":       ErrKey,
	"corrupt":         ErrCorrupt,
	"empty":           ErrEmpty,
}

// result names err; it is "" for an error that is none or several of the package's.
func result(err error) string {
	if err == nil {
		return "ok"
	}
	found := ""
	for name, sentinel := range results {
		if errors.Is(err, sentinel) {
			if found != "" {
				return ""
			}
			found = name
		}
	}
	return found
}
