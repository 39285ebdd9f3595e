package sealed

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

// What is inside a sealed file. Reading accepts other types: it is for the caller to ask for the one it expects.
const (
	ContentSnapshot  = "application/vnd.pmdr.vault-snapshot"
	ContentInventory = "application/vnd.pmdr.inventory+jsonl"
)

// Meta is what the caller of NewWriter tells about the plaintext. It is readable without a key: no secret belongs here.
type Meta struct {
	CaptureID   string    `json:"capture_id"` // UUID shared by the files of one capture, lower case with dashes
	ContentType string    `json:"content_type"`
	CreatedAt   time.Time `json:"created_at"` // written as UTC in whole seconds
	CreatedBy   string    `json:"created_by"` // ARN of the execution that captured it
	Vault       Vault     `json:"vault"`
}

// Vault is the cluster the plaintext was taken from: what a restore must know before it touches a node.
type Vault struct {
	Version      string   `json:"version"`
	ClusterID    string   `json:"cluster_id"`
	SealType     string   `json:"seal_type"`
	Shares       int      `json:"shares"`     // key shares, or recovery key shares with auto-unseal
	Threshold    int      `json:"threshold"`  // of those, how many open it
	RaftIndex    uint64   `json:"raft_index"` // applied index at the capture, never 0
	AuditDevices []string `json:"audit_devices"`
	Mounts       []string `json:"mounts"`
}

// Header is the clear part of a sealed file. Until the body was read to its end, it is only what somebody claims.
type Header struct {
	FileID string `json:"file_id"` // 16 random bytes in hex
	Meta
	KeyCommitment string `json:"key_commitment"` // 32 bytes in hex
	Keys          []Key  `json:"keys"`
}

// Key is the data key, wrapped in one way.
type Key struct {
	Type       string `json:"type"`                // keyKMS or keyAge
	KeyARN     string `json:"key_arn,omitempty"`   // of keyKMS: the key that wrapped it, for people; readers use their own
	Recipient  string `json:"recipient,omitempty"` // of keyAge: "age1…"
	Ciphertext []byte `json:"ciphertext"`          // base64 in JSON
}

const (
	keyKMS = "aws-kms"
	keyAge = "age"
)

// key returns the data key as it was wrapped by the one key of that type.
func (h Header) key(kind string) (Key, bool) {
	for _, k := range h.Keys {
		if k.Type == kind {
			return k, true
		}
	}
	return Key{}, false
}

// parseHeader decodes the header JSON strictly, and checks it. Every error wraps ErrHeader.
func parseHeader(data []byte) (Header, error) {
	var h Header
	if err := strictjson.Unmarshal(data, &h); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	if err := h.validate(); err != nil {
		return Header{}, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	if !saysTheSame(data, h) {
		return Header{}, fmt.Errorf("%w: a field is missing or in another notation", ErrHeader)
	}
	return h, nil
}

// saysTheSame reports whether h, encoded again, holds exactly the values of data. A missing number or a null would
// otherwise pass as 0, which some fields may be.
func saysTheSame(data []byte, h Header) bool {
	again, err := json.Marshal(h)
	if err != nil {
		return false
	}
	values := func(data []byte) (v any) {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if d.Decode(&v) != nil {
			return nil
		}
		return v
	}
	return reflect.DeepEqual(values(data), values(again))
}

// marshal returns P, the bytes in front of the body: magic, version, length and header JSON.
func (h Header) marshal() ([]byte, error) {
	if err := h.validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	data, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrHeader, err)
	}
	if len(data) > maxHeader {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrHeader, len(data), maxHeader)
	}
	p := append([]byte(magic), version)
	p = binary.BigEndian.AppendUint32(p, uint32(len(data)))
	return append(p, data...), nil
}

func (h Header) validate() error {
	if !isHex(h.FileID, fileIDSize) {
		return errors.New("file_id is not 16 bytes in lower-case hex")
	}
	if !isHex(h.KeyCommitment, keySize) {
		return errors.New("key_commitment is not 32 bytes in lower-case hex")
	}
	if id, err := uuid.Parse(h.CaptureID); err != nil || id.String() != h.CaptureID {
		return errors.New("capture_id is not a UUID in lower case")
	}
	if h.CreatedAt.IsZero() || h.CreatedAt.Location() != time.UTC {
		return errors.New("created_at is missing or not in UTC")
	}
	if h.ContentType == "" || h.CreatedBy == "" {
		return errors.New("content_type or created_by is missing")
	}
	if err := h.Vault.validate(); err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	return validateKeys(h.Keys)
}

func (v Vault) validate() error {
	if v.Version == "" || v.ClusterID == "" || v.SealType == "" {
		return errors.New("version, cluster_id or seal_type is missing")
	}
	// With auto-unseal Vault can be initialised without any recovery key: none of none.
	none := v.Shares == 0 && v.Threshold == 0 && v.SealType != "shamir"
	if !none && (v.Threshold < 1 || v.Threshold > v.Shares) {
		return fmt.Errorf("threshold %d of %d shares cannot be", v.Threshold, v.Shares)
	}
	if v.RaftIndex == 0 {
		return errors.New("raft_index is missing")
	}
	if v.AuditDevices == nil || v.Mounts == nil {
		return errors.New("audit_devices or mounts is missing")
	}
	return nil
}

// validateKeys asks for exactly one key wrapped by KMS and at most one wrapped for age, each with its own fields only.
func validateKeys(keys []Key) error {
	count := map[string]int{}
	for _, k := range keys {
		count[k.Type]++
		switch {
		case len(k.Ciphertext) == 0:
			return errors.New("keys: a ciphertext is missing")
		case k.Type == keyKMS && k.KeyARN != "" && k.Recipient == "":
		case k.Type == keyAge && k.Recipient != "" && k.KeyARN == "":
		default:
			return errors.New("keys: unknown type, or not the fields of its type")
		}
	}
	if count[keyKMS] != 1 || count[keyAge] > 1 {
		return errors.New("keys: exactly one of type aws-kms and at most one of type age are allowed")
	}
	return nil
}

func isHex(s string, size int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == size && hex.EncodeToString(b) == s
}
