package sealed

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestSealAndOpen(t *testing.T) {
	for _, n := range []int{1, 100, segmentSize - 57, segmentSize - 56, segmentSize - 55, 2*segmentSize - 72, 3 * segmentSize} {
		kms := &fixedKMS{}
		var file bytes.Buffer
		w, err := NewWriter(t.Context(), &file, testMeta(), kms)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, bytes.NewReader(pattern(n))); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		plaintext, err := open(t.Context(), file.Bytes(), WithKMS(kms))
		if err != nil || !bytes.Equal(plaintext, pattern(n)) {
			t.Errorf("%d bytes: %d came back, %v", n, len(plaintext), err)
		}
	}
}

func TestEveryFileIsItsOwn(t *testing.T) {
	one, first := seal(t, pattern(40))
	two, second := seal(t, pattern(40))
	if first.FileID == second.FileID || first.KeyCommitment == second.KeyCommitment {
		t.Error("two files share an id or a commitment")
	}
	if bytes.Equal(one[len(one)-56:], two[len(two)-56:]) {
		t.Error("two files share a ciphertext")
	}
}

func TestMetaIsWrittenInOneForm(t *testing.T) {
	meta := testMeta()
	meta.CreatedAt = time.Date(2026, 11, 24, 3, 0, 31, 999, time.FixedZone("CET", 3600))
	meta.Vault.AuditDevices, meta.Vault.Mounts = nil, nil
	var file bytes.Buffer
	w, err := NewWriter(t.Context(), &file, meta, &fixedKMS{})
	if err != nil {
		t.Fatal(err)
	}
	if !w.Header().CreatedAt.Equal(testMeta().CreatedAt) {
		t.Errorf("created_at %v", w.Header().CreatedAt)
	}
	for _, want := range []string{`"created_at":"2026-11-24T02:00:31Z"`, `"audit_devices":[],"mounts":[]`} {
		if !strings.Contains(file.String(), want) {
			t.Errorf("the header has no %s", want)
		}
	}
}

func TestWriterRefusesMeta(t *testing.T) {
	tests := map[string]func(*Meta){
		"no capture id":    func(m *Meta) { m.CaptureID = "" },
		"no content type":  func(m *Meta) { m.ContentType = "" },
		"no time":          func(m *Meta) { m.CreatedAt = time.Time{} },
		"no execution":     func(m *Meta) { m.CreatedBy = "" },
		"no cluster":       func(m *Meta) { m.Vault.ClusterID = "" },
		"no raft index":    func(m *Meta) { m.Vault.RaftIndex = 0 },
		"header too long":  func(m *Meta) { m.Vault.Mounts = []string{strings.Repeat("m", maxHeader)} },
		"year without end": func(m *Meta) { m.CreatedAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			meta := testMeta()
			spoil(&meta)
			var file bytes.Buffer
			if _, err := NewWriter(t.Context(), &file, meta, &fixedKMS{}); !errors.Is(err, ErrHeader) {
				t.Errorf("got %v", err)
			}
			if file.Len() != 0 {
				t.Errorf("%d bytes were written", file.Len())
			}
		})
	}
}

func TestEmptyPlaintextIsRefused(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(t.Context(), &file, testMeta(), &fixedKMS{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Close(); !errors.Is(err, ErrEmpty) {
			t.Fatalf("close: %v", err)
		}
	}
	if _, err := open(t.Context(), file.Bytes(), holder(testKey)); err == nil {
		t.Error("what was written opens")
	}
}

func TestAbandonedFileDoesNotOpen(t *testing.T) {
	for _, n := range []int{1, segmentSize - 56, 2 * segmentSize} {
		var file bytes.Buffer
		w, err := NewWriter(t.Context(), &file, testMeta(), &fixedKMS{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(pattern(n)); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t.Context(), file.Bytes(), holder(testKey)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestCloseIsTheEnd(t *testing.T) {
	var file bytes.Buffer
	w, err := NewWriter(t.Context(), &file, testMeta(), &fixedKMS{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(40)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	size := file.Len()
	if _, err := w.Write(pattern(1)); err == nil {
		t.Error("a closed writer takes more")
	}
	if err := w.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if file.Len() != size {
		t.Error("something was written after the end")
	}
}

// TestFullDisk lets the destination fail after every number of bytes: the error comes out, and the file never opens.
func TestFullDisk(t *testing.T) {
	whole, _ := seal(t, pattern(40))
	for room := range whole {
		dst := &disk{room: room}
		w, err := NewWriter(t.Context(), dst, testMeta(), &fixedKMS{})
		if err == nil {
			_, err = w.Write(pattern(40))
			if closeErr := w.Close(); err == nil {
				err = closeErr
			}
		}
		if !errors.Is(err, errFull) {
			t.Fatalf("room for %d bytes: %v", room, err)
		}
		if _, err := open(t.Context(), dst.Bytes(), holder(testKey)); err == nil {
			t.Fatalf("room for %d bytes, and it opens", room)
		}
	}
}

// TestFailedWriterNeverSeals: the disk has room again when the caller closes, and a segment is missing.
func TestFailedWriterNeverSeals(t *testing.T) {
	dst := &disk{room: 2000}
	w, err := NewWriter(t.Context(), dst, testMeta(), &fixedKMS{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(2 * segmentSize)); !errors.Is(err, errFull) {
		t.Fatalf("write: %v", err)
	}
	size := dst.Len()
	dst.room = 10 * segmentSize
	if _, err := w.Write(pattern(1)); !errors.Is(err, errFull) {
		t.Errorf("second write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errFull) {
		t.Errorf("close: %v", err)
	}
	if dst.Len() != size {
		t.Error("a failed writer wrote on")
	}
}

// disk is a buffer with an end.
type disk struct {
	bytes.Buffer
	room int
}

var errFull = errors.New("disk full")

func (d *disk) Write(p []byte) (int, error) {
	if len(p) > d.room {
		n, _ := d.Buffer.Write(p[:d.room])
		d.room = 0
		return n, errFull
	}
	d.room -= len(p)
	return d.Buffer.Write(p)
}

func TestWriterNeedsAWholeKey(t *testing.T) {
	denied := errors.New("access denied")
	var file bytes.Buffer
	if _, err := NewWriter(t.Context(), &file, testMeta(), wrapper{err: denied}); !errors.Is(err, denied) {
		t.Errorf("key service fails: %v", err)
	}
	for name, w := range map[string]wrapper{
		"short key":   {plaintext: make([]byte, 16), wrapped: testWrapped, arn: testKeyARN},
		"no key":      {wrapped: testWrapped, arn: testKeyARN},
		"not wrapped": {plaintext: make([]byte, keySize), arn: testKeyARN},
		"no ARN":      {plaintext: make([]byte, keySize), wrapped: testWrapped},
	} {
		if _, err := NewWriter(t.Context(), &file, testMeta(), w); err == nil {
			t.Errorf("%s: sealed", name)
		}
	}
	if file.Len() != 0 {
		t.Errorf("%d bytes were written", file.Len())
	}
}

func TestDataKeysAreWiped(t *testing.T) {
	key := bytes.Clone(testKey)
	w := wrapper{plaintext: key, wrapped: testWrapped, arn: testKeyARN}
	var file bytes.Buffer
	if _, err := NewWriter(t.Context(), &file, testMeta(), w); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(key, make([]byte, keySize)) {
		t.Error("the writer left the data key in memory")
	}
	sealed, _ := seal(t, pattern(1))
	opener := &lender{bytes.Clone(testKey)}
	if _, err := open(t.Context(), sealed, opener); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(opener.key, make([]byte, keySize)) {
		t.Error("the reader left the data key in memory")
	}
}

// wrapper answers what it is told to.
type wrapper struct {
	plaintext, wrapped []byte
	arn                string
	err                error
}

func (w wrapper) GenerateDataKey(context.Context, map[string]string) (plaintext, wrapped []byte, keyARN string, err error) {
	return w.plaintext, w.wrapped, w.arn, w.err
}

// lender gives the one copy of the key away, to see what comes of it.
type lender struct{ key []byte }

func (l *lender) DataKey(context.Context, Header) ([]byte, error) { return l.key, nil }
