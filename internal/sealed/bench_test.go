package sealed

import (
	"bytes"
	"io"
	"testing"

	"filippo.io/age"
)

const benchSize = 16 * segmentSize

func BenchmarkSeal(b *testing.B) {
	plaintext := pattern(benchSize)
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		w, err := NewWriter(b.Context(), io.Discard, testMeta(), &fixedKMS{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(plaintext); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	file, _ := seal(b, pattern(benchSize))
	b.SetBytes(benchSize)
	b.ReportAllocs()
	for b.Loop() {
		r, err := Open(b.Context(), bytes.NewReader(file), holder(testKey))
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); err != nil || n != benchSize {
			b.Fatalf("%d bytes, %v", n, err)
		}
	}
}

// age seals the same plaintext, for comparison: the other tool that a backup could have been encrypted with.
func BenchmarkAgeSeal(b *testing.B) {
	plaintext, identity := pattern(benchSize), newIdentity(b)
	b.SetBytes(benchSize)
	for b.Loop() {
		if err := ageSeal(io.Discard, identity, plaintext); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAgeOpen(b *testing.B) {
	var file bytes.Buffer
	identity := newIdentity(b)
	if err := ageSeal(&file, identity, pattern(benchSize)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(benchSize)
	for b.Loop() {
		r, err := age.Decrypt(bytes.NewReader(file.Bytes()), identity)
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, r); err != nil || n != benchSize {
			b.Fatalf("%d bytes, %v", n, err)
		}
	}
}

func ageSeal(dst io.Writer, to *age.X25519Identity, plaintext []byte) error {
	w, err := age.Encrypt(dst, to.Recipient())
	if err != nil {
		return err
	}
	if _, err := w.Write(plaintext); err != nil {
		return err
	}
	return w.Close()
}
