package audit

import (
	"context"
	"fmt"
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
)

// Kind says how a chain is broken.
type Kind string

const (
	Missing    Kind = "missing"    // no record where one belongs
	Unreadable Kind = "unreadable" // the body is no record
	Changed    Kind = "changed"    // hash or a searched attribute is not what the body says, or one was added
	Unlinked   Kind = "unlinked"   // prev_hash is not the hash of the record before
	Repeated   Kind = "repeated"   // an id that stands further up already
	HeadWrong  Kind = "head"       // the head is not the newest record
)

// Break is one place where the chain does not hold.
type Break struct {
	Seq  int64  `json:"seq"`
	Kind Kind   `json:"kind"`
	What string `json:"what"`
}

// Report is what Verify found in one stream.
type Report struct {
	Stream  string  `json:"stream"`
	Records int64   `json:"records"` // read, sound or not
	Hash    string  `json:"hash"`    // of the last record's body, recomputed
	Breaks  []Break `json:"breaks"`
}

// Intact reports whether the chain holds from its first record to its head.
func (r Report) Intact() bool { return len(r.Breaks) == 0 }

// Verify walks a stream from seq 1 to its head and recomputes everything from the bodies. It may run beside writers. The
// error is a fault of reading; breaks are in the report.
//
// It sees what the tables hold and no more: whoever rewrites every record from one on, and the head, makes a chain that
// holds. That one the write-once copies and the signed digests contradict.
func (t *Trail) Verify(ctx context.Context, stream string) (Report, error) {
	w := walk{Report: Report{Stream: stream}, next: 1, ids: map[string]int64{}}
	if err := t.each(ctx, stream, math.MinInt64, w.visit); err != nil {
		return Report{}, err
	}
	// The head is read after the records, so it can only be ahead of them: by what was appended meanwhile.
	stored, err := t.get(ctx, t.Heads, item{"stream": text(stream)})
	if err != nil {
		return Report{}, err
	}
	var h head
	if stored != nil {
		if h, err = headOf(stored); err != nil {
			w.broken(w.next-1, HeadWrong, "%v", err)
			return w.Report, nil
		}
	}
	if err := t.each(ctx, stream, w.next-1, func(i item) { w.visitUpTo(h.seq, i) }); err != nil {
		return Report{}, err
	}
	w.end(h)
	return w.Report, nil
}

// each visits the items of a stream behind seq after, in order.
func (t *Trail) each(ctx context.Context, stream string, after int64, visit func(item)) error {
	in := &dynamodb.QueryInput{
		TableName:                 &t.Table,
		ConsistentRead:            aws.Bool(true),
		KeyConditionExpression:    aws.String("#stream = :stream AND #seq > :after"),
		ExpressionAttributeNames:  map[string]string{"#stream": "stream", "#seq": "seq"},
		ExpressionAttributeValues: item{":stream": text(stream), ":after": number(after)},
	}
	for {
		page, err := t.Database.Query(ctx, in)
		if err != nil {
			return awsfault.From(err, "read stream %s", stream)
		}
		for _, i := range page.Items {
			visit(i)
		}
		if in.ExclusiveStartKey = page.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return nil
		}
	}
}

// walk is the state of one verification.
type walk struct {
	Report
	next int64            // the seq that belongs here
	ids  map[string]int64 // id -> seq where it stands
	cut  bool             // the record before is missing, so there is nothing to link to
}

func (w *walk) broken(seq int64, kind Kind, format string, args ...any) {
	w.Breaks = append(w.Breaks, Break{seq, kind, fmt.Sprintf(format, args...)})
}

// visitUpTo leaves out what was appended after the head was read.
func (w *walk) visitUpTo(newest int64, stored item) {
	if seq, err := readNumber(stored["seq"]); err == nil && seq <= newest {
		w.visit(stored)
	}
}

// visit checks one stored item against the ones before it.
func (w *walk) visit(stored item) {
	w.Records++
	seq, err := readNumber(stored["seq"])
	if err != nil || seq < w.next {
		w.broken(w.next, Unreadable, "before it lies an item whose seq no record can have")
		return
	}
	w.missingUpTo(seq - 1)
	l, err := linkOf(stored)
	switch {
	case err != nil && l.record.ID == "":
		w.broken(seq, Unreadable, "%v", err)
	case err != nil:
		w.broken(seq, Changed, "%v", err)
	}
	if l.record.ID != "" {
		if !w.cut && l.record.PrevHash != w.Hash {
			w.broken(seq, Unlinked, "prev_hash is not the hash of the record before")
		}
		if first, again := w.ids[l.record.ID]; again {
			w.broken(seq, Repeated, "the id of record %d", first)
		}
		w.ids[l.record.ID] = seq
	}
	w.next, w.Hash, w.cut = seq+1, l.hash, false
}

func (w *walk) missingUpTo(last int64) {
	if last < w.next {
		return
	}
	w.broken(w.next, Missing, "%d missing, up to %d", last-w.next+1, last)
	w.next, w.cut = last+1, true
}

// end holds the head against the last record.
func (w *walk) end(h head) {
	last := w.next - 1
	w.missingUpTo(h.seq)
	switch {
	case h.seq < last:
		w.broken(last, HeadWrong, "the head stands at %d, the records go on to %d", h.seq, last)
	case h.hash != w.Hash && !w.cut:
		w.broken(last, HeadWrong, "the head has another hash than the last record")
	}
}
