// Package inventory remembers what Vault held when it was backed up: every secret's version and fingerprint, and the
// names of what guards them. It holds no secret, and yet it is sealed like one: fingerprints of weak passwords could be
// guessed by whoever has them.
//
// The format is JSON lines: one head, then the things found, sorted by kind and name, then the secrets, sorted by mount
// and path, then one end that counts the secrets. Every line says its kind and ends with a newline.
package inventory

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

// schemaVersion is the version of the line format.
const schemaVersion = 1

// The kinds of lines.
const (
	kindHead   = "inventory"
	kindMount  = "mount"
	kindAuth   = "auth"
	kindRole   = "role"
	kindPolicy = "policy"
	kindAudit  = "audit-device"
	kindSecret = "secret"
	kindEnd    = "end"
)

// Head opens an inventory.
type Head struct {
	Kind          string `json:"kind"`
	SchemaVersion int    `json:"schema_version"`
	CaptureID     string `json:"capture_id"`
	ClusterID     string `json:"cluster_id"`
	// CapturedAt is Vault's clock, to the second, before the snapshot of the same capture was begun. Everything older must be there after
	// a restore.
	CapturedAt time.Time `json:"captured_at"`
	// Salt is 32 random bytes, hex: fingerprints of two inventories cannot be compared.
	Salt string `json:"salt"`
}

// Thing is a mount, an auth method or role, a policy or an audit device.
type Thing struct {
	Kind string `json:"kind"`
	// Name is the path or name, "smtp/", "aws/", "snapshot-vault".
	Name string `json:"name"`
	// Detail is the type of a mount or auth method, or the fingerprint of a policy's text.
	Detail string `json:"detail"`
}

// Secret is the current version of one KV v2 secret.
type Secret struct {
	Kind  string `json:"kind"`
	Mount string `json:"mount"`
	Path  string `json:"path"`
	// Version and CreatedTime are Vault's own.
	Version     int       `json:"version"`
	CreatedTime time.Time `json:"created_time"`
	// Gone: the current version is deleted or destroyed; there is no fingerprint.
	Gone        bool   `json:"gone"`
	Fingerprint string `json:"fingerprint"`
}

// End closes an inventory.
type End struct {
	Kind    string `json:"kind"`
	Secrets int    `json:"secrets"`
}

// Inventory is a whole one, read back.
type Inventory struct {
	Head
	Things  []Thing
	Secrets []Secret
}

// Fingerprint is HMAC-SHA-256 under the inventory's salt over the secret's data as JSON with sorted keys, hex.
func (h Head) Fingerprint(data map[string]any) (string, error) {
	salt, err := h.salt()
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(data) // sorts the keys of every map; numbers are json.Number and keep their spelling
	if err != nil {
		return "", errors.New("the secret's data is not JSON")
	}
	mac := hmac.New(sha256.New, salt)
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil)), nil
}

func (h Head) salt() ([]byte, error) {
	salt, err := hex.DecodeString(h.Salt)
	if err != nil || len(salt) != sha256.Size {
		return nil, errors.New("the salt is not 32 bytes of hex")
	}
	return salt, nil
}

// Write writes the inventory in its format; things and secrets must be sorted.
func (inv Inventory) Write(w io.Writer) error {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	inv.Kind, inv.SchemaVersion = kindHead, schemaVersion
	if err := lines.Encode(inv.Head); err != nil {
		return err
	}
	for _, t := range inv.Things {
		if err := lines.Encode(t); err != nil {
			return err
		}
	}
	for _, s := range inv.Secrets {
		s.Kind = kindSecret
		if err := lines.Encode(s); err != nil {
			return err
		}
	}
	if err := lines.Encode(End{kindEnd, len(inv.Secrets)}); err != nil {
		return err
	}
	return out.Flush()
}

// ErrMalformed is in the chain of every error about the format.
var ErrMalformed = errors.New("not an inventory")

// Read reads one back, strictly: lines in another order, of another kind, there twice, or a wrong count are refused. An
// error without ErrMalformed is the source's.
func Read(r io.Reader) (Inventory, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), 1<<20)
	lines.Split(whole)
	inv, ended := Inventory{}, false
	for n := 1; lines.Scan(); n++ {
		if ended {
			return Inventory{}, fmt.Errorf("%w: line %d comes after the end", ErrMalformed, n)
		}
		var err error
		if ended, err = inv.take(n, lines.Bytes()); err != nil {
			return Inventory{}, fmt.Errorf("%w: line %d: %w", ErrMalformed, n, err)
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) || errors.Is(err, errCut) {
			err = fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		return Inventory{}, err
	}
	if !ended {
		return Inventory{}, fmt.Errorf("%w: it has no end", ErrMalformed)
	}
	return inv, nil
}

var errCut = errors.New("the last line is cut")

// whole splits as bufio.ScanLines does, and refuses a last line without its end.
func whole(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, errCut
	}
	return 0, nil, nil
}

// take adds line n to the inventory and reports whether it was the last.
func (inv *Inventory) take(n int, line []byte) (ended bool, err error) {
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(line, &kind); err != nil {
		return false, errors.New("not JSON")
	}
	if (n == 1) != (kind.Kind == kindHead) {
		return false, errors.New("the head is not the first line")
	}
	switch kind.Kind {
	case kindHead:
		if err := strictjson.Unmarshal(line, &inv.Head); err != nil {
			return false, err
		}
		if inv.SchemaVersion != schemaVersion || inv.CapturedAt.IsZero() || inv.CaptureID == "" || inv.ClusterID == "" {
			return false, errors.New("the head lacks something, or is of an unknown version")
		}
		_, err := inv.salt()
		return false, err
	case kindMount, kindAuth, kindRole, kindPolicy, kindAudit:
		var t Thing
		if err := strictjson.Unmarshal(line, &t); err != nil {
			return false, err
		}
		if t.Name == "" || len(inv.Secrets) > 0 || !sorted(inv.Things, t, byKindAndName) {
			return false, errors.New("the " + t.Kind + " lacks its name, or is out of order")
		}
		inv.Things = append(inv.Things, t)
	case kindSecret:
		var s Secret
		if err := strictjson.Unmarshal(line, &s); err != nil {
			return false, err
		}
		switch {
		case s.Mount == "" || s.Path == "" || s.Version < 1 || s.CreatedTime.IsZero() || s.Gone != (s.Fingerprint == ""):
			return false, errors.New("the secret lacks something")
		case !sorted(inv.Secrets, s, byMountAndPath):
			return false, errors.New("the secret is out of order")
		}
		inv.Secrets = append(inv.Secrets, s)
	case kindEnd:
		var e End
		if err := strictjson.Unmarshal(line, &e); err != nil {
			return false, err
		}
		if e.Secrets != len(inv.Secrets) {
			return false, fmt.Errorf("the end counts %d secrets, there are %d", e.Secrets, len(inv.Secrets))
		}
		return true, nil
	default:
		return false, errors.New("unknown kind")
	}
	return false, nil
}

// sorted reports whether next comes after the last of those before it.
func sorted[T any](before []T, next T, compare func(a, b T) int) bool {
	return len(before) == 0 || compare(before[len(before)-1], next) < 0
}

func byKindAndName(a, b Thing) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
}

func byMountAndPath(a, b Secret) int {
	return cmp.Or(cmp.Compare(a.Mount, b.Mount), cmp.Compare(a.Path, b.Path))
}
