// Package sealed reads and writes the backup file: a header in clear, and behind it the plaintext as one AES-256-GCM
// stream that the header is bound to. A data key made for this one file encrypts it; the header carries that key,
// wrapped by AWS KMS and, if wished, for one age recipient who can open the file when AWS is not there.
//
// Everything streams: neither side holds more than a few segments of 1 MiB, however long the plaintext is.
//
//	w, err := sealed.NewWriter(ctx, dst, meta, kms, sealed.BreakGlass(recipient))
//	io.Copy(w, plaintext)
//	w.Close() // only when the plaintext is whole: Close is what makes the file valid
//
//	r, err := sealed.Open(ctx, src, sealed.WithKMS(kms))
//	io.Copy(dst, r) // trust nothing of it before io.EOF
//
// The format is docs/sealed-file.md, its test vectors are testdata/vectors.
package sealed

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/streamingaead/subtle"
)

// The ways in which a file is refused. Errors of this package wrap at most one of them; an error that wraps none came
// from the source, the destination or the key service, and says nothing about the file.
var (
	// ErrNotSealed: the file does not start with "PMDR".
	ErrNotSealed = errors.New("not a sealed file")
	// ErrUnknownVersion: a sealed file of a version this package does not know.
	ErrUnknownVersion = errors.New("unknown version of the sealed file")
	// ErrTruncated: the file ends before its first segment.
	ErrTruncated = errors.New("sealed file is truncated")
	// ErrHeader: the header is too long, is not exactly the JSON object that the format asks for, or contradicts itself.
	ErrHeader = errors.New("header of the sealed file is invalid")
	// ErrKey: no key at hand opens this file: another key, another encryption context, or a key the header was not made with.
	ErrKey = errors.New("wrong key for the sealed file")
	// ErrCorrupt: the body was changed, cut, lengthened or reordered, or the header in front of it was.
	ErrCorrupt = errors.New("sealed file is corrupt")
	// ErrEmpty: a sealed file of nothing, which is never a backup.
	ErrEmpty = errors.New("sealed file is empty")
)

const (
	magic   = "PMDR"
	version = 1

	// prefixSize counts the bytes in front of the header JSON: magic, version, and its length as a big-endian uint32.
	prefixSize = len(magic) + 1 + 4
	// maxHeader is the greatest length of the header JSON in bytes: whoever wrote the file chose the number, so it is
	// checked before it is allocated.
	maxHeader = 65536

	// keySize is the length in bytes of the data key and of every key derived from it.
	keySize = 32
	// fileIDSize is the length in bytes of the file id, which also salts the derivations.
	fileIDSize = 16
	// segmentSize is the length in bytes of an encrypted segment, its tag included.
	segmentSize = 1 << 20

	commitmentInfo = "PMDR/1 commitment"
	streamInfo     = "PMDR/1 stream"
)

// derive returns the 32-byte key for one purpose, salted by the file id, which is given in hex.
func derive(dataKey []byte, fileID, info string) ([]byte, error) {
	salt, err := hex.DecodeString(fileID)
	if err != nil {
		return nil, fmt.Errorf("file_id: %w", err)
	}
	return hkdf.Key(sha256.New, dataKey, salt, info, keySize)
}

// commit returns the key commitment in hex. AES-GCM needs it: one ciphertext can be made to open under two keys to two
// plaintexts.
func commit(dataKey []byte, fileID string) (string, error) {
	commitment, err := derive(dataKey, fileID, commitmentInfo)
	if err != nil {
		return "", fmt.Errorf("derive key commitment: %w", err)
	}
	return hex.EncodeToString(commitment), nil
}

// newStream returns the cipher of the body. Tink keeps a copy of the stream key until it is garbage collected; ours is
// wiped here.
func newStream(dataKey []byte, fileID string) (*subtle.AESGCMHKDF, error) {
	key, err := derive(dataKey, fileID, streamInfo)
	if err != nil {
		return nil, fmt.Errorf("derive stream key: %w", err)
	}
	defer clear(key)
	return subtle.NewAESGCMHKDF(key, "SHA256", keySize, segmentSize, 0)
}
