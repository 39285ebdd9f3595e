package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

var november = SlotAt(Daily, time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC))

func newMeta() sealed.Meta {
	return sealed.Meta{
		CaptureID: uuid.NewString(), ContentType: sealed.ContentSnapshot, CreatedAt: newYear, CreatedBy: "arn:execution",
		Vault: sealed.Vault{
			Version: "1.21.0", ClusterID: "cluster", SealType: "shamir", Shares: 5, Threshold: 3, RaftIndex: 42,
			AuditDevices: []string{"file/"}, Mounts: []string{"smtp/"},
		},
	}
}

func fills(plain []byte) func(io.Writer) error {
	return func(w io.Writer) error { _, err := w.Write(plain); return err }
}

func mustSeal(t *testing.T, s *Store, slot Slot, name string, plain string) Object {
	t.Helper()
	o, err := s.Seal(t.Context(), slot, name, newMeta(), fills([]byte(plain)))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func hexSHA256(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func TestSeal(t *testing.T) {
	s, b := newStore(t)
	for _, tier := range Tiers() {
		meta, slot := newMeta(), SlotAt(tier, newYear)
		o, err := s.Seal(t.Context(), slot, InventoryName, meta, fills([]byte("what Vault holds")))
		if err != nil {
			t.Fatal(err)
		}
		lies := b.find(o.Key, o.VersionID)
		if o.Key != slot.Key(InventoryName) || lies == nil {
			t.Fatalf("%s: %+v is not what lies there", tier, o)
		}
		want := Object{
			Key: slot.Key(InventoryName), VersionID: lies.id, Size: int64(len(lies.body)), FileID: o.FileID,
			SHA256Sealed: hexSHA256(lies.body), SHA256Plain: hexSHA256([]byte("what Vault holds")),
		}
		if o != want {
			t.Errorf("%s: %+v, want %+v", tier, o, want)
		}
		if lock := lies.until.Sub(newYear); lock != tier.Lock() {
			t.Errorf("%s: locked for %s", tier, lock)
		}
		err = s.Read(t.Context(), o, func(h sealed.Header, r io.Reader) error {
			plain, err := io.ReadAll(r)
			if string(plain) != "what Vault holds" || h.CaptureID != meta.CaptureID || h.FileID != o.FileID {
				t.Errorf("%s: read %q of %+v", tier, plain, h)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", tier, err)
		}
	}
}

// A slot may be written again; each version stays what it was.
func TestSealAgain(t *testing.T) {
	s, _ := newStore(t)
	first := mustSeal(t, s, november, SnapshotName, "first")
	second := mustSeal(t, s, november, SnapshotName, "second")
	for want, o := range map[string]Object{"first": first, "second": second} {
		if plain, err := read(t.Context(), s, o); err != nil || string(plain) != want {
			t.Errorf("%q, %v, want %q", plain, err, want)
		}
	}
}

// Whatever fill fails with, also with what means an end to readers, nothing is kept and the error is fill's own.
func TestSealAbandoned(t *testing.T) {
	own := fault.SnapshotIncomplete.Errorf("cut")
	for _, c := range []struct {
		name string
		fill func(io.Writer) error
		want error
	}{
		{"at once", func(io.Writer) error { return own }, own},
		{"midway", func(w io.Writer) error { _, _ = w.Write(make([]byte, 3<<20)); return own }, own},
		{"with io.EOF", func(w io.Writer) error { _, _ = w.Write(make([]byte, 3<<20)); return io.EOF }, io.EOF},
		{"with io.EOF at once", func(io.Writer) error { return io.EOF }, io.EOF},
		{"with an unexpected EOF", func(w io.Writer) error { _, _ = w.Write([]byte("x")); return io.ErrUnexpectedEOF }, io.ErrUnexpectedEOF},
		{"with nothing written", func(io.Writer) error { return nil }, sealed.ErrEmpty},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, b := newStore(t)
			_, err := s.Seal(t.Context(), november, SnapshotName, newMeta(), c.fill)
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if lies := b.all(); len(lies) > 0 {
				t.Errorf("%v is kept", lies)
			}
		})
	}
}

func TestSealRefused(t *testing.T) {
	s, b := newStore(t)
	b.keys.refuse = &apiError{"AccessDeniedException"}
	if _, err := s.Seal(t.Context(), november, SnapshotName, newMeta(), fills([]byte("x"))); !fault.Is(err, fault.AWSRefused) {
		t.Errorf("KMS refuses: %v", err)
	}
	if lies := b.all(); len(lies) > 0 {
		t.Errorf("%v is kept", lies)
	}
}

func TestCopy(t *testing.T) {
	s, b := newStore(t)
	from := mustSeal(t, s, november, SnapshotName, "snapshot")
	month := SlotAt(Monthly, newYear)
	to, err := s.Copy(t.Context(), from, month, SnapshotName)
	if err != nil {
		t.Fatal(err)
	}
	want := from
	want.Key, want.VersionID = month.Key(SnapshotName), to.VersionID
	if to != want {
		t.Errorf("%+v, want %+v", to, want)
	}
	source, copied := b.find(from.Key, from.VersionID), b.find(to.Key, to.VersionID)
	if !bytes.Equal(source.body, copied.body) {
		t.Error("the copy has other bytes")
	}
	if lock := copied.until.Sub(newYear); lock != Monthly.Lock() {
		t.Errorf("the copy is locked for %s", lock)
	}
	if plain, err := read(t.Context(), s, to); err != nil || string(plain) != "snapshot" {
		t.Errorf("the copy reads %q, %v", plain, err)
	}
}

// A copy that is not what the source's manifest says is never completed: it would lie there under the longest lock.
func TestCopyRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*bucket, *Object)
		want  fault.Name
	}{
		"another digest":   {func(_ *bucket, o *Object) { o.SHA256Sealed = hexSHA256(nil) }, fault.BackupCorrupt},
		"a flipped byte":   {func(b *bucket, o *Object) { b.find(o.Key, o.VersionID).body[o.Size-1] ^= 1 }, fault.BackupCorrupt},
		"another version":  {func(_ *bucket, o *Object) { o.VersionID = "v99" }, fault.BackupCorrupt},
		"a key not there":  {func(_ *bucket, o *Object) { o.Key = november.Key(InventoryName) }, fault.BackupCorrupt},
		"a broken network": {func(b *bucket, o *Object) { b.cut[o.Key] = 100 }, fault.AWSUnavailable},
		"a refusal":        {func(b *bucket, o *Object) { b.refuse[o.Key] = http.StatusForbidden }, fault.AWSRefused},
	} {
		t.Run(name, func(t *testing.T) {
			s, b := newStore(t)
			from := mustSeal(t, s, november, SnapshotName, "snapshot")
			c.spoil(b, &from)
			if _, err := s.Copy(t.Context(), from, SlotAt(Monthly, newYear), SnapshotName); !fault.Is(err, c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if lies := b.all(); len(lies) != 1 {
				t.Errorf("there are %v", lies)
			}
		})
	}
}

// apiError is an answer of a service that says no.
type apiError struct{ code string }

func (e *apiError) Error() string                 { return fmt.Sprintf("refused: %s", e.code) }
func (e *apiError) ErrorCode() string             { return e.code }
func (e *apiError) ErrorMessage() string          { return strings.ToLower(e.code) }
func (e *apiError) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }
