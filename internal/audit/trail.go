package audit

import (
	"context"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Trail is the audit trail of one installation.
type Trail struct {
	Database Database
	Table    string // of records and markers
	Heads    string // table of heads
	Store    Store
	Bucket   string // of the write-once copies
	Now      func() time.Time
}

// Append writes e as the next record of its stream, and its write-once copy. Where the same entry was appended before it
// gives that record and sees to its copy, so a step may repeat it as often as it likes.
//
// Faults: InvalidInput for an entry that breaks the rules; AuditConflict when other content stands under the same id, or
// the trail was tampered with; AuditContended when other writers were faster every time; AWSUnavailable, AWSRefused.
// After AWSUnavailable the record may stand or not: append it again.
func (t *Trail) Append(ctx context.Context, e Entry) (Record, error) {
	l, err := t.append(ctx, e)
	return l.record, err
}

func (t *Trail) append(ctx context.Context, e Entry) (link, error) {
	if err := e.check(); err != nil {
		return link{}, fault.InvalidInput.Errorf("audit entry: %w", err)
	}
	l, err := t.chain(ctx, e)
	if err != nil {
		return link{}, err
	}
	if err := t.copy(ctx, l); err != nil {
		return link{}, err
	}
	return l, nil
}

// chain finds e's link or makes it. Each attempt reads anew: the id first, because an append whose answer was lost
// moved the head itself.
func (t *Trail) chain(ctx context.Context, e Entry) (link, error) {
	for attempt := range attempts {
		if err := pause(ctx, attempt); err != nil {
			return link{}, fault.AWSUnavailable.Errorf("append to %s: %w", e.Stream, err)
		}
		old, found, err := t.find(ctx, e.ID)
		if err != nil {
			return link{}, err
		}
		if found {
			if !old.is(e) {
				return link{}, fault.AuditConflict.Errorf("record %s/%d stands under id %s with other content", old.record.Stream, old.record.Seq, e.ID)
			}
			return old, nil
		}
		h, err := t.head(ctx, e.Stream)
		if err != nil {
			return link{}, err
		}
		next, err := e.after(h, t.Now())
		if err != nil {
			return link{}, fault.InvalidInput.Errorf("audit entry: %w", err)
		}
		moved, err := t.write(ctx, h, next)
		if err != nil {
			return link{}, err
		}
		if !moved {
			return next, nil
		}
	}
	return link{}, fault.AuditContended.Errorf("append to %s: lost the race %d times", e.Stream, attempts)
}
