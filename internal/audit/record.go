// Package audit keeps the trail of what the runbooks did: append-only streams of records in DynamoDB, each record chained
// to the one before by its hash and copied write-once to S3. Whoever changes, removes or slips in a record breaks the
// chain, or differs from the locked copies, and Verify says where: the trail is tamper-evident, not tamper-proof.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

// Platform is the stream of what concerns no single tenant.
const Platform = "platform"

// Unverified is the actor of a record whose caller nothing proves.
const Unverified = "unverified"

// Record is one entry of a stream. Its JSON form, in this order of fields, is the body that is stored and hashed; the
// stored bytes are what counts, so no canonical form of JSON is needed to verify them.
type Record struct {
	Stream    string         `json:"stream"` // a tenant id, or Platform
	Seq       int64          `json:"seq"`    // 1, 2, 3 … without a gap in its stream
	ID        string         `json:"id"`     // see NewID
	Event     Event          `json:"event"`
	TenantID  string         `json:"tenant_id"` // empty where no tenant is concerned
	UserID    string         `json:"user_id"`   // who the caller claimed to be
	ActorARN  string         `json:"actor_arn"` // who it was proven to be, or Unverified
	Timestamp time.Time      `json:"timestamp"` // UTC, whole seconds, RFC 3339
	Severity  Severity       `json:"severity"`
	IPAddress string         `json:"ip_address"` // empty where no address is known
	Details   jsontext.Value `json:"details"`    // an object, members sorted by name
	PrevHash  string         `json:"prev_hash"`  // hash of the record before; empty for seq 1
}

// hashDomain keeps a record's hash apart from every other SHA-256 of the same bytes.
const hashDomain = "PMDR-AUDIT/1\n"

// Hash is the hash of a record's body: SHA-256("PMDR-AUDIT/1\n" | body), in lower-case hex.
func Hash(body string) string {
	sum := sha256.Sum256([]byte(hashDomain + body))
	return hex.EncodeToString(sum[:])
}

// Parse reads a stored body, strictly. Event names are not held against today's list: the trail outlives it.
func Parse(body string) (Record, error) {
	var r Record
	if err := strictjson.Unmarshal([]byte(body), &r); err != nil {
		return Record{}, fmt.Errorf("audit record: %w", err)
	}
	if err := r.check(); err != nil {
		return Record{}, fmt.Errorf("audit record: %w", err)
	}
	return r, nil
}

func (r Record) check() error {
	_, offset := r.Timestamp.Zone()
	switch {
	case !streamName.MatchString(r.Stream):
		return errors.New("stream is neither a tenant id nor platform")
	case r.Seq < 1:
		return errors.New("seq is below 1")
	case r.ID == "" || r.Event == "" || r.Severity == "" || r.ActorARN == "":
		return errors.New("id, event, severity or actor_arn is missing")
	case r.Timestamp.IsZero() || offset != 0:
		return errors.New("timestamp is missing or not in UTC")
	case r.Details.Kind() != '{':
		return errors.New("details is not an object")
	case (r.Seq == 1) != (r.PrevHash == ""):
		return errors.New("prev_hash is empty for seq 1, and only there")
	}
	return nil
}

// encode gives the body of r.
func (r Record) encode() (string, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encode audit record: %w", err)
	}
	return string(body), nil
}
