package archive

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
)

// Whatever was done to the object or is wrong about the manifest's line, it is BackupCorrupt.
func TestReadCorrupt(t *testing.T) {
	for name, spoil := range map[string]func(*bucket, *Object, *object){
		"no magic":             func(_ *bucket, _ *Object, lies *object) { lies.body[0] ^= 1 },
		"another version byte": func(_ *bucket, _ *Object, lies *object) { lies.body[4] = 9 },
		"a flipped header":     func(_ *bucket, _ *Object, lies *object) { flip(lies, `"shares":5`, `"shares":6`) },
		"a broken header":      func(_ *bucket, _ *Object, lies *object) { flip(lies, `{"file_id"`, `["file_id"`) },
		"a flipped byte":       func(_ *bucket, _ *Object, lies *object) { lies.body[len(lies.body)/2] ^= 1 },
		"a flipped last byte":  func(_ *bucket, _ *Object, lies *object) { lies.body[len(lies.body)-1] ^= 1 },
		"one byte less":        func(_ *bucket, _ *Object, lies *object) { lies.body = lies.body[:len(lies.body)-1] },
		"one byte more":        func(_ *bucket, _ *Object, lies *object) { lies.body = append(lies.body, 0) },
		"a whole segment less": func(_ *bucket, _ *Object, lies *object) { lies.body = lies.body[:1<<20] },
		"nothing at all":       func(_ *bucket, _ *Object, lies *object) { lies.body = nil },
		"another file": func(b *bucket, o *Object, lies *object) {
			lies.body = bytes.Clone(b.find(november.Key(InventoryName), "").body)
		},
		"no such version": func(_ *bucket, o *Object, _ *object) { o.VersionID = "v99" },
		"no such key":     func(_ *bucket, o *Object, _ *object) { o.Key = SlotAt(Daily, newYear).Key(SnapshotName) },
		"another key's file": func(b *bucket, o *Object, _ *object) {
			o.Key = november.Key(InventoryName)
			o.VersionID = b.find(o.Key, "").id
		},
		"another file id":      func(_ *bucket, o *Object, _ *object) { o.FileID = "00" },
		"another size":         func(_ *bucket, o *Object, _ *object) { o.Size++ },
		"another outer digest": func(_ *bucket, o *Object, _ *object) { o.SHA256Sealed = o.SHA256Plain },
		"another inner digest": func(_ *bucket, o *Object, _ *object) { o.SHA256Plain = o.SHA256Sealed },
		"a key that KMS does not know": func(b *bucket, _ *Object, _ *object) {
			clear(b.keys.wrapped)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, b := newStore(t)
			mustSeal(t, s, november, InventoryName, "inventory")
			o, err := s.Seal(t.Context(), november, SnapshotName, newMeta(), fills(make([]byte, 3<<20)))
			if err != nil {
				t.Fatal(err)
			}
			lies := b.find(o.Key, o.VersionID)
			lies.body = bytes.Clone(lies.body)
			spoil(b, &o, lies)
			if _, err := read(t.Context(), s, o); !fault.Is(err, fault.BackupCorrupt) {
				t.Errorf("%v, want BackupCorrupt", err)
			}
			// One that reads nothing, and is content with that, is told all the same.
			if err := s.Read(t.Context(), o, func(sealed.Header, io.Reader) error { return nil }); !fault.Is(err, fault.BackupCorrupt) {
				t.Errorf("unread: %v, want BackupCorrupt", err)
			}
		})
	}
}

func flip(o *object, old, new string) { o.body = bytes.Replace(o.body, []byte(old), []byte(new), 1) }

// An intruder who replaces an object and all that is said of it outside the signature still cannot open a file that
// was sealed as another: the version that the manifest pins is read, whatever lies on top or hides it.
func TestReadPinned(t *testing.T) {
	s, b := newStore(t)
	o := mustSeal(t, s, november, SnapshotName, "the real one")
	b.put(o.Key, []byte("PMDR"))
	b.remove(o.Key)
	if plain, err := read(t.Context(), s, o); err != nil || string(plain) != "the real one" {
		t.Errorf("%q, %v", plain, err)
	}
}

// What is wrong with the way is not wrong with the backup, whatever the reader made of the piece that it got.
func TestReadUnavailable(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*bucket, Object)
		want  fault.Name
	}{
		"cut in the header": {func(b *bucket, o Object) { b.cut[o.Key] = 100 }, fault.AWSUnavailable},
		"cut in the body":   {func(b *bucket, o Object) { b.cut[o.Key] = 2 << 20 }, fault.AWSUnavailable},
		"S3 fails":          {func(b *bucket, o Object) { b.refuse[o.Key] = http.StatusServiceUnavailable }, fault.AWSUnavailable},
		"S3 refuses":        {func(b *bucket, o Object) { b.refuse[o.Key] = http.StatusForbidden }, fault.AWSRefused},
		"KMS throttles":     {func(b *bucket, _ Object) { b.keys.refuse = &apiError{"ThrottlingException"} }, fault.AWSUnavailable},
		"KMS refuses":       {func(b *bucket, _ Object) { b.keys.refuse = &apiError{"AccessDeniedException"} }, fault.AWSRefused},
	} {
		t.Run(name, func(t *testing.T) {
			s, b := newStore(t)
			o, err := s.Seal(t.Context(), november, SnapshotName, newMeta(), fills(make([]byte, 3<<20)))
			if err != nil {
				t.Fatal(err)
			}
			c.spoil(b, o)
			if _, err := read(t.Context(), s, o); !fault.Is(err, c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			err = s.Read(t.Context(), o, func(_ sealed.Header, r io.Reader) error {
				if _, err := io.Copy(io.Discard, r); err != nil {
					return fault.BackupCorrupt.Tellf("the last line is cut")
				}
				return nil
			})
			if !fault.Is(err, c.want) {
				t.Errorf("misread: %v, want %s", err, c.want)
			}
		})
	}
}

// A whole file with content that its reader refuses: the reader has the word.
func TestReadRefusedByUse(t *testing.T) {
	s, _ := newStore(t)
	o := mustSeal(t, s, november, SnapshotName, "snapshot")
	own := errors.New("not mine")
	if err := s.Read(t.Context(), o, func(sealed.Header, io.Reader) error { return own }); !errors.Is(err, own) {
		t.Errorf("%v, want %v", err, own)
	}
	if err := s.Read(t.Context(), o, func(sealed.Header, io.Reader) error { return nil }); err != nil {
		t.Errorf("a file that nobody reads: %v", err)
	}
}
