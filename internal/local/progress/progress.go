// Package progress tells a person at a terminal what is being done and how long it takes.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Printer writes whole lines; several steps may run at once.
type Printer struct {
	mu  sync.Mutex
	out io.Writer
}

// New prints to out.
func New(out io.Writer) *Printer { return &Printer{out: out} }

// stillEvery is how often a long step says that it goes on.
const stillEvery = 20 * time.Second

// shown is the duration above which a finished step is worth a line.
const shown = 300 * time.Millisecond

// Step runs do and says what it is and how long it took; a step that is over at once stays silent. What it is should
// read well after "…" and before a time: "build the functions".
func (p *Printer) Step(what string, do func() error) error {
	started := time.Now()
	done := make(chan error, 1)
	go func() { done <- do() }()
	wait := time.NewTimer(shown)
	defer wait.Stop()
	for announced := false; ; announced = true {
		select {
		case err := <-done:
			took := time.Since(started).Seconds()
			switch {
			case err != nil:
				p.Linef("  failed after %5.1f s: %s", took, what)
			case announced:
				p.Linef("  done in %7.1f s: %s", took, what)
			}
			return err
		case <-wait.C:
			if announced {
				p.Linef("  still, %5.0f s:     %s", time.Since(started).Seconds(), what)
			} else {
				p.Linef("  ...                %s", what)
			}
			wait.Reset(stillEvery)
		}
	}
}

// Linef prints one line.
func (p *Printer) Linef(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// Write lets tools print through the printer.
func (p *Printer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}
