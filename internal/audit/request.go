package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// Request is the payload of a RecordAudit state.
type Request struct {
	Event       Event          `json:"event"`
	Severity    Severity       `json:"severity"`
	TenantID    string         `json:"tenant_id"`    // optional; the record goes into the tenant's own stream
	RequestedBy string         `json:"requested_by"` // optional: a claim, recorded as user_id
	Execution   task.Execution `json:"execution"`
	MapIndex    *int           `json:"map_index"` // only inside a Map
	Details     jsontext.Value `json:"details"`   // an object; what is known, see Failure for "cause"
	Fault       *Failure       `json:"fault"`     // optional: recorded as "fault" and "cause" of the details
}

// Receipt is the state's result.
type Receipt struct {
	Stream string `json:"stream"`
	Seq    int64  `json:"seq"`
	ID     string `json:"id"`
	Hash   string `json:"hash"`
	Fault  string `json:"fault"` // of a failure, in words: the name and the text; the machine ends with it
}

// Validate refuses a request that makes no record. It quotes no value.
func (r Request) Validate() error {
	if err := r.Execution.Validate(); err != nil {
		return err
	}
	switch {
	case len(r.Event.Severities()) == 0:
		return fmt.Errorf("event is not one of %v", Events())
	case !r.Event.Admits(r.Severity):
		return fmt.Errorf("severity of %s is not one of %v", r.Event, r.Event.Severities())
	case r.TenantID != "" && !streamName.MatchString(r.TenantID):
		return errors.New("tenant_id is not one")
	case strings.ContainsAny(r.Execution.ARN+r.Execution.State, "\r\n"):
		return errors.New("execution holds a line break")
	case len(r.RequestedBy) > 256:
		return errors.New("requested_by is longer than 256 bytes")
	case r.Details.Kind() != '{':
		return errors.New("details is not an object")
	}
	return nil
}

// Record appends the record that the request asks for. Faults: those of Append.
func (t *Trail) Record(ctx context.Context, r Request) (Receipt, error) {
	details, err := r.details()
	if err != nil {
		return Receipt{}, fault.InvalidInput.Errorf("details: %w", err)
	}
	l, err := t.append(ctx, Entry{
		Stream:   cmp.Or(r.TenantID, Platform),
		ID:       NewID(r.Execution, r.MapIndex, r.Event),
		Event:    r.Event,
		TenantID: r.TenantID,
		UserID:   r.RequestedBy,
		ActorARN: Unverified,
		Severity: r.Severity,
		Details:  details,
	})
	if err != nil {
		return Receipt{}, err
	}
	receipt := Receipt{Stream: l.record.Stream, Seq: l.record.Seq, ID: l.record.ID, Hash: l.hash}
	if r.Fault != nil {
		receipt.Fault = r.Fault.Sentence()
	}
	return receipt, nil
}

// details are the request's, with the fault in words: {"fault": name, "cause": text}. A machine may also hand over the
// two itself; then a cause that is the JSON text of a failed function is put into words all the same.
func (r Request) details() (jsontext.Value, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(r.Details, &members); err != nil {
		return nil, err
	}
	if r.Fault != nil {
		members["fault"] = quoted(r.Fault.Error)
		members["cause"] = quoted(r.Fault.Cause)
	}
	var cause string
	if members["cause"].Kind() == '"' && json.Unmarshal(members["cause"], &cause) == nil {
		members["cause"] = quoted(Failure{Cause: cause}.Text())
	}
	return json.Marshal(members, json.Deterministic(true))
}

func quoted(s string) jsontext.Value {
	v, _ := jsontext.AppendQuote(nil, strings.ToValidUTF8(s, "?")) // fails on invalid UTF-8 only
	return v
}
