package sealed

import (
	"crypto/sha256"
	"hash"
	"io"
	"runtime"
	"testing"
)

// TestMemoryDoesNotDependOnSize seals and opens through a pipe and counts every byte that was ever allocated, collected
// or not: unlike the size of the heap, the sum does not depend on when the collector runs.
func TestMemoryDoesNotDependOnSize(t *testing.T) {
	const bound = 16 * segmentSize
	for _, size := range []int64{segmentSize, 64 * segmentSize} {
		if allocated := allocatedBy(func() { pipeThrough(t, size) }); allocated > bound {
			t.Errorf("%d MiB of plaintext allocated %d MiB, at most %d are allowed", size>>20, allocated>>20, bound>>20)
		}
	}
}

func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func pipeThrough(t *testing.T, size int64) {
	file, sink := io.Pipe()
	written := sha256.New()
	sealing := make(chan error, 1)
	go func() {
		err := sealPattern(t, sink, written, size)
		sink.CloseWithError(err)
		sealing <- err
	}()

	r, err := Open(t.Context(), file, holder(testKey))
	if err != nil {
		t.Fatal(err)
	}
	read := sha256.New()
	n, err := io.Copy(read, r)
	if err != nil || n != size {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if err := <-sealing; err != nil {
		t.Fatal(err)
	}
	if string(read.Sum(nil)) != string(written.Sum(nil)) {
		t.Error("another plaintext came back")
	}
}

func sealPattern(t *testing.T, dst io.Writer, sum hash.Hash, size int64) error {
	w, err := NewWriter(t.Context(), dst, testMeta(), &fixedKMS{})
	if err != nil {
		return err
	}
	block := pattern(32 << 10)
	for ; size > 0; size -= int64(len(block)) {
		sum.Write(block)
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	return w.Close()
}
