package sealed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/iotest"
)

// TestEveryByteCounts changes each byte of a file, in four ways, and opens it with a key service that answers no matter
// what the header says: the file alone must give the change away.
func TestEveryByteCounts(t *testing.T) {
	file, _ := seal(t, pattern(40))
	for i := range file {
		for _, change := range []byte{0x01, 0x20, 0x80, 0xff} {
			changed := bytes.Clone(file)
			changed[i] ^= change
			if _, err := open(t.Context(), changed, holder(testKey)); result(err) == "ok" || result(err) == "" {
				t.Fatalf("byte %d of %d xor %#x: %v", i, len(file), change, err)
			}
		}
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	file, _ := seal(t, pattern(40))
	firstSegment := len(file) - 40 - 16
	for n := range file {
		want := ErrTruncated
		if n >= firstSegment {
			want = ErrCorrupt
		}
		if _, err := open(t.Context(), file[:n], holder(testKey)); !errors.Is(err, want) {
			t.Fatalf("cut to %d of %d bytes: %v, want %v", n, len(file), err, want)
		}
	}
}

func TestHeaderOfAnotherFileIsRefused(t *testing.T) {
	one, _ := seal(t, pattern(40))
	other, _ := seal(t, pattern(40))
	p, _, err := independentSplit(one)
	if err != nil {
		t.Fatal(err)
	}
	_, body, err := independentSplit(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t.Context(), slices.Concat(p, body), holder(testKey)); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("got %v", err)
	}
}

func TestSegmentsKeepTheirPlaces(t *testing.T) {
	file, _ := seal(t, pattern(3*segmentSize))
	p, body, err := independentSplit(file)
	if err != nil {
		t.Fatal(err)
	}
	start, s := slices.Concat(p, body[:40]), independentSegments(body)
	if len(s) != 4 {
		t.Fatalf("%d segments", len(s))
	}
	tests := map[string][][]byte{
		"two swapped":      {s[0], s[2], s[1], s[3]},
		"one twice":        {s[0], s[1], s[1], s[2], s[3]},
		"one missing":      {s[0], s[2], s[3]},
		"the last missing": {s[0], s[1], s[2]},
		"the last twice":   {s[0], s[1], s[2], s[3], s[3]},
		"the last alone":   {s[3]},
	}
	for name, segments := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := open(t.Context(), append(bytes.Clone(start), slices.Concat(segments...)...), holder(testKey)); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("got %v", err)
			}
		})
	}
	if _, err := open(t.Context(), append(bytes.Clone(start), slices.Concat(s...)...), holder(testKey)); err != nil {
		t.Fatalf("unchanged, it must open: %v", err)
	}
}

// TestEmptyLastSegmentIsRefused: with it, one plaintext could be written as two files. Tink reads both.
func TestEmptyLastSegmentIsRefused(t *testing.T) {
	file, h := seal(t, pattern(1))
	p, _, err := independentSplit(file)
	if err != nil {
		t.Fatal(err)
	}
	twice := independentSeal(p[prefixSize:], testKey, unhex(t, h.FileID), pattern(segmentSize-40-16), nil)
	if _, err := open(t.Context(), twice, holder(testKey)); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("got %v", err)
	}
}

func TestSecondKeyIsRefusedBeforeTheBody(t *testing.T) {
	file, _ := seal(t, pattern(40))
	p, _, err := independentSplit(file)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]holder{
		"another": bytes.Repeat([]byte{7}, keySize),
		"short":   testKey[:keySize-1],
		"long":    append(bytes.Clone(testKey), 0),
		"none":    nil,
	}
	for name, key := range keys {
		t.Run(name, func(t *testing.T) {
			src := bytes.NewReader(file)
			if _, err := Open(t.Context(), src, key); !errors.Is(err, ErrKey) {
				t.Fatalf("got %v", err)
			}
			if read := len(file) - src.Len(); read != len(p) {
				t.Errorf("read %d bytes, the header ends at %d", read, len(p))
			}
		})
	}
}

func TestWrongEncryptionContextIsRefused(t *testing.T) {
	file, h := seal(t, pattern(40))
	for _, name := range []string{"app", "file_id", "content_type"} {
		kms := &fixedKMS{context: h.encryptionContext()}
		if _, err := open(t.Context(), file, WithKMS(kms)); err != nil {
			t.Fatal(err)
		}
		kms.context[name] = "another"
		if _, err := open(t.Context(), file, WithKMS(kms)); !errors.Is(err, ErrKey) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// TestSourceErrorIsNotCorruption: a connection that breaks says nothing about the backup, and must be retried.
// io.ErrUnexpectedEOF is what net/http returns for a body that was cut; Tink takes it for the end of the stream.
func TestSourceErrorIsNotCorruption(t *testing.T) {
	file, _ := seal(t, pattern(40))
	for _, broken := range []error{io.ErrUnexpectedEOF, errors.New("connection reset"), fmt.Errorf("wrapped: %w", io.EOF)} {
		for n := range len(file) + 1 {
			src := io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken))
			r, err := Open(t.Context(), src, holder(testKey))
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			if !errors.Is(err, broken) || result(err) != "" {
				t.Fatalf("after %d of %d bytes: %v, want %v", n, len(file), err, broken)
			}
		}
	}
}

// TestFailureIsFinal: Tink alone answers io.EOF when it is read again after a segment that failed.
func TestFailureIsFinal(t *testing.T) {
	file, _ := seal(t, pattern(40))
	file[len(file)-1] ^= 1
	r, err := Open(t.Context(), bytes.NewReader(file), holder(testKey))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if n, err := r.Read(make([]byte, 100)); n != 0 || !errors.Is(err, ErrCorrupt) {
			t.Fatalf("read %d bytes, %v", n, err)
		}
	}
}

func TestReaderTakesAnySource(t *testing.T) {
	plaintext := pattern(segmentSize + 100)
	file, _ := seal(t, plaintext)
	sources := map[string]func(io.Reader) io.Reader{
		"half":            iotest.HalfReader,
		"EOF with data":   iotest.DataErrReader,
		"all but buffers": func(r io.Reader) io.Reader { return struct{ io.Reader }{r} },
	}
	for name, wrap := range sources {
		t.Run(name, func(t *testing.T) {
			r, err := Open(t.Context(), wrap(bytes.NewReader(file)), holder(testKey))
			if err != nil {
				t.Fatal(err)
			}
			if err := iotest.TestReader(r, plaintext); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestKeyServiceFailureIsNotTheFiles(t *testing.T) {
	file, _ := seal(t, pattern(40))
	throttled := errors.New("throttled")
	_, err := open(t.Context(), file, failingOpener{throttled})
	if !errors.Is(err, throttled) || result(err) != "" {
		t.Fatalf("got %v", err)
	}
}

type failingOpener struct{ error }

func (o failingOpener) DataKey(context.Context, Header) ([]byte, error) { return nil, o.error }
