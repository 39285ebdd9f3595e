package archive

import (
	"io"
	"sync"
)

// Up to aheadBlocks blocks of aheadSize bytes are read before they are used.
const (
	aheadBlocks = 4
	aheadSize   = 256 << 10
)

// ahead reads on while what it has read is used: opening and hashing keep one processor busy, sending another. Its methods
// may be called concurrently: an HTTP client may read on from a body whose request was answered before its end.
type ahead struct {
	read    chan block
	spare   chan []byte
	stopped chan struct{}

	mu   sync.Mutex
	now  block  // the block that is being used
	rest []byte // of it
}

// block is what one Read of the source gave.
type block struct {
	bytes []byte
	err   error // the source's last word
}

// readAhead begins to read. Whoever calls it calls stop in the end.
func readAhead(source io.Reader) *ahead {
	a := &ahead{read: make(chan block, aheadBlocks), spare: make(chan []byte, aheadBlocks), stopped: make(chan struct{})}
	for range aheadBlocks {
		a.spare <- make([]byte, aheadSize)
	}
	go a.fill(source)
	return a
}

func (a *ahead) fill(source io.Reader) {
	defer close(a.read)
	for {
		select {
		case buffer := <-a.spare:
			n, err := source.Read(buffer)
			a.read <- block{buffer[:n], err}
			if err != nil {
				return
			}
		case <-a.stopped:
			return
		}
	}
}

// Read gives the next bytes, and the source's error after the last of them; io.ErrClosedPipe if it was stopped.
func (a *ahead) Read(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.rest) == 0 {
		if a.now.err != nil {
			return 0, a.now.err
		}
		if a.now.bytes != nil {
			a.spare <- a.now.bytes[:aheadSize]
		}
		var ok bool
		if a.now, ok = <-a.read; !ok {
			a.now.err = io.ErrClosedPipe
		}
		a.rest = a.now.bytes
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// failure is the source's error if a Read has met with it; none for the regular end.
func (a *ahead) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.rest) > 0 || a.now.err == io.EOF {
		return nil
	}
	return a.now.err
}

// stop returns when the source is not read any more. A source that may keep a Read waiting must have been closed.
func (a *ahead) stop() {
	close(a.stopped)
	for range a.read { // what nobody will use
	}
}
