package sealed

import (
	"bytes"
	"io"
	"testing"
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
