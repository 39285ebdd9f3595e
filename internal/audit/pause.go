package audit

import (
	"context"
	"math/rand/v2"
	"time"
)

// attempts bounds the races that one append runs on a busy stream: together they pause for about two seconds at most.
const attempts = 10

// longest is the longest pause between two attempts.
const longest = 320 * time.Millisecond

// pause waits before an attempt: not at all before the first, then a random part of a time that doubles from 10 ms.
// It fails with the context's error when the context ends first.
func pause(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return ctx.Err()
	}
	limit := min(longest, 10*time.Millisecond<<attempt)
	timer := time.NewTimer(rand.N(limit))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
