package audit

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Database is what the trail needs of DynamoDB; *dynamodb.Client fits.
type Database interface {
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// The table of records has the key (stream, seq) and holds two kinds of items:
//
//	a record   stream, seq, body, hash, and copies of what is searched by: id, event, tenant_id (left out when
//	           empty: an index key cannot be empty), timestamp, severity, prev_hash
//	a marker   stream = "id#<id>", seq = 0, record_stream, record_seq: makes an id unique across all streams, and
//	           finds its record. No stream's name holds a "#".
//
// The table of heads has the key (stream) and holds seq and hash of the newest record of each stream.
type item = map[string]types.AttributeValue

// link is one record as it is stored: body is exactly what hash was made of.
type link struct {
	record     Record
	body, hash string
}

// head is the newest link of a stream; the zero head is that of a stream without records.
type head struct {
	seq  int64
	hash string
}

func (l link) item() item {
	r := l.record
	out := item{
		"stream": text(r.Stream), "seq": number(r.Seq), "body": text(l.body), "hash": text(l.hash),
		"id": text(r.ID), "event": text(string(r.Event)), "timestamp": text(r.Timestamp.Format(time.RFC3339Nano)),
		"severity": text(string(r.Severity)), "prev_hash": text(r.PrevHash),
	}
	if r.TenantID != "" {
		out["tenant_id"] = text(r.TenantID)
	}
	return out
}

// linkOf reads a stored record and holds the hash and the copies against the body. Where they differ it gives the link
// as the body has it, and an error that names the attributes.
func linkOf(stored item) (link, error) {
	body, ok := stored["body"].(*types.AttributeValueMemberS)
	if !ok {
		return link{}, errors.New("the record has no body")
	}
	r, err := Parse(body.Value)
	if err != nil {
		return link{body: body.Value, hash: Hash(body.Value)}, err
	}
	l := link{record: r, body: body.Value, hash: Hash(body.Value)}
	if odd := differing(l.item(), stored); len(odd) > 0 {
		return l, fmt.Errorf("attributes which the body does not bear out: %v", odd)
	}
	return l, nil
}

// differing lists the attributes that are not the same in both items, sorted. An attribute too many counts: a planted
// expiry would have DynamoDB delete the record.
func differing(want, got item) []string {
	var names []string
	for name := range want {
		if !reflect.DeepEqual(want[name], got[name]) {
			names = append(names, name)
		}
	}
	for name := range got {
		if _, known := want[name]; !known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func markerKey(id string) item { return item{"stream": text("id#" + id), "seq": number(0)} }

func (l link) marker() item {
	out := markerKey(l.record.ID)
	out["record_stream"], out["record_seq"] = text(l.record.Stream), number(l.record.Seq)
	return out
}

// recordKey is the key of the record that a marker points to.
func recordKey(marker item) (item, error) {
	stream, ok := marker["record_stream"].(*types.AttributeValueMemberS)
	seq, err := readNumber(marker["record_seq"])
	if err != nil || !ok {
		return nil, errors.New("it points to no record")
	}
	return item{"stream": stream, "seq": number(seq)}, nil
}

func headOf(stored item) (head, error) {
	seq, err := readNumber(stored["seq"])
	hash, ok := stored["hash"].(*types.AttributeValueMemberS)
	if err != nil || !ok || seq < 1 {
		return head{}, errors.New("the head is not one")
	}
	return head{seq, hash.Value}, nil
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func readNumber(v types.AttributeValue) (int64, error) {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0, errors.New("not a number")
	}
	return strconv.ParseInt(n.Value, 10, 64)
}
