package archive

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

// noise is plaintext that nothing compresses, the same for the same seed.
func noise(seed uint64, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
	return b
}

func TestReadAheadGivesTheSourcesBytes(t *testing.T) {
	t.Parallel()
	want := noise(1, 3*aheadBlocks*aheadSize+1)
	for name, source := range map[string]io.Reader{
		"as they come": bytes.NewReader(want), "in halves": iotest.HalfReader(bytes.NewReader(want)),
		"the end with the last": iotest.DataErrReader(bytes.NewReader(want)),
	} {
		a := readAhead(source)
		got, err := io.ReadAll(iotest.HalfReader(a))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(want), err)
		}
		if n, err := a.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("%s: after the end: %d, %v", name, n, err)
		}
		if err := a.failure(); err != nil {
			t.Errorf("%s: the regular end is no failure: %v", name, err)
		}
		a.stop()
	}
}

func TestReadAheadGivesTheErrorAfterWhatCameBefore(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken off")
	a := readAhead(iotest.DataErrReader(io.MultiReader(bytes.NewReader([]byte("ab")), iotest.ErrReader(broken))))
	defer a.stop()
	if n, err := a.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if err := a.failure(); err != nil {
		t.Errorf("nobody has met with it yet: %v", err)
	}
	if rest, err := io.ReadAll(a); string(rest) != "b" || err != broken {
		t.Errorf("%q, %v", rest, err)
	}
	if err := a.failure(); err != broken {
		t.Errorf("failure: %v", err)
	}
}

// counting is a source that never ends.
type counting struct {
	mu    sync.Mutex
	reads int
}

func (c *counting) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	return len(p), nil
}

func (c *counting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reads
}

func TestReadAheadReadsNoFurtherThanItsBlocks(t *testing.T) {
	t.Parallel()
	source := new(counting)
	a := readAhead(source)
	deadline := time.Now().Add(time.Minute)
	for source.count() < aheadBlocks { // although nobody has asked
		if time.Now().After(deadline) {
			t.Fatalf("it has read %d blocks", source.count())
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := io.CopyN(io.Discard, a, aheadSize); err != nil {
		t.Fatal(err)
	}
	a.stop()
	if n := source.count(); n > aheadBlocks+1 {
		t.Errorf("it has read %d blocks, while one was used", n)
	}
	before := source.count()
	if _, err := io.ReadAll(a); err != io.ErrClosedPipe {
		t.Errorf("after the stop: %v", err)
	}
	if source.count() != before {
		t.Error("the source was read after the stop")
	}
}

// An HTTP client reads on from a body when the answer is there, while somebody else looks for the end.
func TestReadAheadIsReadByTwo(t *testing.T) {
	t.Parallel()
	a := readAhead(bytes.NewReader(noise(1, 2*aheadBlocks*aheadSize)))
	var readers sync.WaitGroup
	counts := make([]int64, 2)
	for i := range counts {
		readers.Go(func() {
			var err error
			if counts[i], err = io.Copy(io.Discard, a); err != nil {
				t.Error(err)
			}
		})
	}
	readers.Wait()
	a.stop()
	if sum := counts[0] + counts[1]; sum != 2*aheadBlocks*aheadSize {
		t.Errorf("the two have read %d bytes", sum)
	}
}

// held is a source that keeps a Read waiting until it is closed.
type held struct {
	asked, closed chan struct{}
	left          atomic.Bool
}

func (h *held) Read([]byte) (int, error) {
	close(h.asked)
	<-h.closed
	h.left.Store(true)
	return 0, io.ErrUnexpectedEOF
}

func TestReadAheadStopsWhenTheSourceIsLeft(t *testing.T) {
	t.Parallel()
	h := &held{asked: make(chan struct{}), closed: make(chan struct{})}
	a := readAhead(h)
	<-h.asked
	go close(h.closed)
	a.stop()
	if !h.left.Load() {
		t.Error("the source is still being read")
	}
}
