package audit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// tables is DynamoDB in memory, as far as the trail goes: transactions that happen whole or not at all, the conditions
// and key conditions the trail uses (anything else is refused loudly), pages, and one cancellation reason per item.
type tables struct {
	t    *testing.T
	keys map[string][]string // table -> key attributes

	mu    sync.Mutex
	items map[string]map[string]item // table -> key -> item
	page  int                        // items per page of a query

	before func() error // what happens instead of a transaction, when it returns an error
	after  func() error // what the client sees of a transaction that took effect
}

func newTables(t *testing.T) *tables {
	return &tables{t: t, page: 3,
		keys:  map[string][]string{"audit": {"stream", "seq"}, "audit-heads": {"stream"}},
		items: map[string]map[string]item{"audit": {}, "audit-heads": {}}}
}

func (d *tables) key(table string, i item) string {
	var parts []string
	for _, name := range d.keys[table] {
		switch v := i[name].(type) {
		case *types.AttributeValueMemberS:
			parts = append(parts, "S"+v.Value)
		case *types.AttributeValueMemberN:
			parts = append(parts, "N"+v.Value)
		default:
			d.t.Errorf("table %q: key attribute %s is missing", table, name)
		}
	}
	return strings.Join(parts, "|")
}

func (d *tables) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if d.before != nil {
		if err := d.before(); err != nil {
			return nil, err
		}
	}
	reasons, refused := make([]types.CancellationReason, len(in.TransactItems)), false
	for n, w := range in.TransactItems {
		stored := d.items[*w.Put.TableName][d.key(*w.Put.TableName, w.Put.Item)]
		reasons[n].Code = aws.String("None")
		if !d.holds(stored, w.Put) {
			reasons[n].Code, refused = aws.String("ConditionalCheckFailed"), true
		}
	}
	if refused {
		return nil, &types.TransactionCanceledException{Message: aws.String("Transaction cancelled"), CancellationReasons: reasons}
	}
	for _, w := range in.TransactItems {
		d.items[*w.Put.TableName][d.key(*w.Put.TableName, w.Put.Item)] = maps.Clone(w.Put.Item)
	}
	if d.after != nil {
		if err := d.after(); err != nil {
			return nil, err
		}
	}
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

// holds evaluates a condition: terms joined by AND, each attribute_not_exists(#n) or #n = :v.
func (d *tables) holds(stored item, put *types.Put) bool {
	for _, term := range strings.Split(*put.ConditionExpression, " AND ") {
		var name, value string
		if inner, found := strings.CutPrefix(term, "attribute_not_exists("); found {
			if _, there := stored[d.name(put.ExpressionAttributeNames, strings.TrimSuffix(inner, ")"))]; there {
				return false
			}
			continue
		}
		if n, err := fmt.Sscanf(term, "%s = %s", &name, &value); n != 2 || err != nil {
			d.t.Errorf("a condition that this table does not know: %q", term)
			return false
		}
		want, bound := put.ExpressionAttributeValues[value]
		if got := stored[d.name(put.ExpressionAttributeNames, name)]; !bound || !reflect.DeepEqual(got, want) {
			return false
		}
	}
	return true
}

func (d *tables) name(names map[string]string, placeholder string) string {
	name, known := names[placeholder]
	if !known {
		d.t.Errorf("%q is no placeholder for a name", placeholder)
	}
	return name
}

func (d *tables) GetItem(ctx context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !aws.ToBool(in.ConsistentRead) {
		d.t.Error("a read that may be stale")
	}
	return &dynamodb.GetItemOutput{Item: maps.Clone(d.items[*in.TableName][d.key(*in.TableName, in.Key)])}, ctx.Err()
}

func (d *tables) Query(ctx context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if *in.KeyConditionExpression != "#stream = :stream AND #seq > :after" || !aws.ToBool(in.ConsistentRead) {
		d.t.Errorf("a query that this table does not know: %q", *in.KeyConditionExpression)
	}
	after, err := readNumber(in.ExpressionAttributeValues[":after"])
	if err != nil {
		d.t.Errorf(":after: %v", err)
	}
	if in.ExclusiveStartKey != nil {
		after, _ = readNumber(in.ExclusiveStartKey["seq"])
	}
	var found []item
	for _, i := range d.items[*in.TableName] {
		if seq, err := readNumber(i["seq"]); err == nil && seq > after && reflect.DeepEqual(i["stream"], in.ExpressionAttributeValues[":stream"]) {
			found = append(found, maps.Clone(i))
		}
	}
	slices.SortFunc(found, func(a, b item) int {
		x, _ := readNumber(a["seq"])
		y, _ := readNumber(b["seq"])
		return cmp.Compare(x, y)
	})
	out := &dynamodb.QueryOutput{Items: found}
	if len(found) > d.page {
		out.Items = found[:d.page]
		last := out.Items[d.page-1]
		out.LastEvaluatedKey = item{"stream": last["stream"], "seq": last["seq"]}
	}
	return out, ctx.Err()
}

// record gives the stored item itself, for a test to tamper with.
func (d *tables) record(stream string, seq int64) item {
	return d.items["audit"][d.key("audit", item{"stream": text(stream), "seq": number(seq)})]
}

func (d *tables) remove(stream string, seq int64) {
	delete(d.items["audit"], d.key("audit", item{"stream": text(stream), "seq": number(seq)}))
}
