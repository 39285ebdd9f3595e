package sender

import (
	"context"
	"fmt"
	"time"
)

// Stream is mail that does not stop: one message after the other, and the tenant's server is to take each at once.
type Stream struct {
	stop context.CancelFunc
	done chan struct{}

	taken int   // read after done
	err   error // of the first message that was not taken at once
}

// apart is the time between two messages of a stream.
const apart = 50 * time.Millisecond

// Stream begins one from an address to another.
func (s *Sender) Stream(from, to string) *Stream {
	ctx, cancel := context.WithCancel(s.ctx)
	stream := &Stream{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(stream.done)
		stream.run(ctx, s, Message{From: from, To: to, Text: "One of many."})
	}()
	return stream
}

func (st *Stream) run(ctx context.Context, s *Sender, m Message) {
	tick := time.NewTicker(apart)
	defer tick.Stop()
	for {
		m.Subject = fmt.Sprintf("Number %d", st.taken+1)
		d := s.Queue(m)
		err := s.within(patience, d)
		if attempts, _ := d.State(); err == nil && attempts > 1 {
			err = fmt.Errorf("message %d was taken at attempt %d", st.taken+1, attempts)
		}
		if err != nil {
			st.err = err
			return
		}
		st.taken++
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// within waits for a delivery, also for one that is under way when its stream is stopped.
func (s *Sender) within(limit time.Duration, d *Delivery) error {
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	return d.Delivered(ctx)
}

// Stop stops the stream and counts the messages that were taken, each at its first attempt; an error tells of one that was
// not.
func (st *Stream) Stop() (taken int, err error) {
	st.stop()
	<-st.done
	return st.taken, st.err
}
