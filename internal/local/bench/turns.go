package bench

import (
	"fmt"
	"time"
)

// rounds is how often a pair is measured. The quickest of each counts: whatever else the machine does only adds.
const rounds = 3

// inTurn measures two things one after the other, several times, and gives the quickest of each.
func (b *bench) inTurn(what string, one, other func() (time.Duration, error)) (ofOne, ofOther time.Duration, err error) {
	for i := range rounds {
		err := b.say.Step(fmt.Sprintf("%s (%d of %d)", what, i+1, rounds), func() error {
			for _, turn := range []struct {
				do   func() (time.Duration, error)
				best *time.Duration
			}{{one, &ofOne}, {other, &ofOther}} {
				took, err := turn.do()
				if err != nil {
					return err
				}
				if i == 0 || took < *turn.best {
					*turn.best = took
				}
			}
			return nil
		})
		if err != nil {
			return 0, 0, err
		}
	}
	return ofOne, ofOther, nil
}
