package bench

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/progress"
)

// answers gives these durations, one a call.
func answers(took ...time.Duration) func() (time.Duration, error) {
	return func() (time.Duration, error) {
		if len(took) == 0 {
			return 0, errors.New("asked too often")
		}
		next := took[0]
		took = took[1:]
		return next, nil
	}
}

func TestTheQuickestTurnCounts(t *testing.T) {
	b := &bench{say: progress.New(io.Discard)}
	one, other, err := b.inTurn("a pair", answers(3, 2, 4), answers(5, 7, 6))
	if one != 2 || other != 5 || err != nil {
		t.Errorf("%d and %d, %v", one, other, err)
	}
	if _, _, err := b.inTurn("a pair", answers(3, 2, 4), answers(5, 7)); err == nil {
		t.Error("a turn that failed is forgotten")
	}
}
