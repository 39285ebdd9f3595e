package sender

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Message is one for the queue. Nothing else is in its header.
type Message struct {
	From, To, Subject, Text string
}

// Delivery is what becomes of a message.
type Delivery struct {
	ended chan struct{} // closed when it was delivered, returned, or the sender ended

	mu       sync.Mutex
	attempts int
	last     error // of the last attempt; nil when that delivered it
}

// Queue takes a message and begins to deliver it.
func (s *Sender) Queue(m Message) *Delivery {
	d := &Delivery{ended: make(chan struct{}), last: errors.New("not tried yet")}
	s.queue.Go(func() {
		defer close(d.ended)
		s.work(m, d)
	})
	return d
}

// work tries until the message is delivered, or refused for good.
func (s *Sender) work(m Message, d *Delivery) {
	tick := time.NewTicker(s.options.Again)
	defer tick.Stop()
	for {
		err := s.deliver(m)
		d.note(err)
		var refusal *smtp.SMTPError
		if err == nil || errors.As(err, &refusal) && !refusal.Temporary() {
			return // the sender of a message that is refused for good gets it back
		}
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (d *Delivery) note(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.attempts, d.last = d.attempts+1, err
}

// State is how often delivery was tried, and why the last attempt failed.
func (d *Delivery) State() (attempts int, last error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.attempts, d.last
}

// Delivered waits for the tenant's server to have taken the message; an error says why it never did, or has not yet.
func (d *Delivery) Delivered(ctx context.Context) error {
	select {
	case <-d.ended:
	case <-ctx.Done():
	}
	if attempts, last := d.State(); last != nil {
		return fmt.Errorf("not delivered in %d attempts: %w", attempts, last)
	}
	return nil
}
