package sender

import (
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// taken waits until the receiver has that many messages.
func (r *receiver) taken(t *testing.T, n int) {
	t.Helper()
	ctx := soon(t)
	for tick := time.Tick(time.Millisecond); len(r.messages()) < n; <-tick {
		if ctx.Err() != nil {
			t.Fatal("nothing arrives")
		}
	}
}

// refused waits until the receiver has refused something.
func (r *receiver) refused(t *testing.T) {
	t.Helper()
	said := func() int {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.said
	}
	ctx := soon(t)
	for tick := time.Tick(time.Millisecond); said() == 0; <-tick {
		if ctx.Err() != nil {
			t.Fatal("nothing is refused")
		}
	}
}

func TestAStreamCountsWhatIsTakenAtOnce(t *testing.T) {
	r := newReceiver()
	r.start(t)
	stream := world(t, "tenant.example. A "+r.address).Stream("they@sender.example", "me@tenant.example")
	r.taken(t, 3)
	taken, err := stream.Stop()
	if err != nil || taken < 3 || taken != len(r.messages()) {
		t.Errorf("%d taken, %d arrived, %v", taken, len(r.messages()), err)
	}
}

func TestAStreamDoesNotHideARefusal(t *testing.T) {
	for name, refusal := range map[string]*smtp.SMTPError{
		"for good": {Code: 550, Message: "no"}, "for now": {Code: 450, Message: "come back later"},
	} {
		r := newReceiver()
		r.start(t)
		stream := world(t, "tenant.example. A "+r.address).Stream("they@sender.example", "me@tenant.example")
		r.taken(t, 1)
		r.answer(refusal)
		r.refused(t)
		r.answer(nil)
		if taken, err := stream.Stop(); err == nil {
			t.Errorf("refused %s: %d taken and no error", name, taken)
		}
	}
}
