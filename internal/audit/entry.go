package audit

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// streamName admits tenant ids and "platform": names that are safe inside an S3 key and never look like a marker.
var streamName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Entry is what a caller knows of a record to be; the trail adds seq, timestamp and prev_hash.
//
// Two entries are the same when all of it is equal (details as JSON: the order of members and white space do not
// matter). Seq, timestamp and prev_hash take no part: they belong to the append and differ in every attempt, and a step
// that is run again, minutes later, must find the record that its first attempt wrote.
type Entry struct {
	Stream    string
	ID        string // see NewID
	Event     Event
	TenantID  string
	UserID    string
	ActorARN  string
	Severity  Severity
	IPAddress string
	Details   jsontext.Value // an object
}

func (e Entry) check() error {
	switch {
	case !streamName.MatchString(e.Stream):
		return errors.New("stream is neither a tenant id nor platform")
	case e.ID == "":
		return errors.New("id is missing")
	case !e.Event.Admits(e.Severity):
		return fmt.Errorf("no event may be recorded so: its name or its severity is wrong (events: %v)", Events())
	case e.ActorARN == "":
		return errors.New("actor_arn is missing")
	case e.Details.Kind() != '{':
		return errors.New("details is not an object")
	}
	return nil
}

// after makes the record that follows head h in the entry's stream.
func (e Entry) after(h head, at time.Time) (link, error) {
	details := e.Details.Clone()
	if err := details.Format(jsontext.ReorderRawObjects(true)); err != nil {
		return link{}, fmt.Errorf("details: %w", err)
	}
	r := Record{
		Stream: e.Stream, Seq: h.seq + 1, ID: e.ID, Event: e.Event, TenantID: e.TenantID, UserID: e.UserID,
		ActorARN: e.ActorARN, Timestamp: at.UTC().Truncate(time.Second), Severity: e.Severity, IPAddress: e.IPAddress,
		Details: details, PrevHash: h.hash,
	}
	body, err := r.encode()
	if err != nil {
		return link{}, err
	}
	return link{record: r, body: body, hash: Hash(body)}, nil
}

// is reports whether l is the record that e would have made in l's place.
func (l link) is(e Entry) bool {
	again, err := e.after(head{seq: l.record.Seq - 1, hash: l.record.PrevHash}, l.record.Timestamp)
	if err != nil {
		return false
	}
	body, err := l.record.encode()
	return err == nil && body == again.body
}
