package tenant

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// database is all that the package asks of DynamoDB.
type database interface {
	Ledger
	Scanner
}

// memory is DynamoDB in memory, as far as this package goes: one table, writes that happen whole or not at all, and the
// grammar of the expressions used here. Anything else is refused loudly.
type memory struct {
	t    testing.TB
	mu   sync.Mutex
	page int // items per page of a scan

	items map[string]item
}

func newMemory(t testing.TB) *memory { return &memory{t: t, page: 3, items: map[string]item{}} }

func (m *memory) GetItem(ctx context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !aws.ToBool(in.ConsistentRead) {
		m.t.Error("a read that may be stale")
	}
	return &dynamodb.GetItemOutput{Item: maps.Clone(m.items[m.key(in.Key)])}, ctx.Err()
}

func (m *memory) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e := expressions{m.t, in.ExpressionAttributeNames, in.ExpressionAttributeValues, map[string]bool{}}
	key := m.key(in.Key)
	if !e.holds(m.items[key], aws.ToString(in.ConditionExpression)) {
		e.unused(*in.UpdateExpression)
		return nil, &types.ConditionalCheckFailedException{Message: aws.String("The conditional request failed")}
	}
	m.items[key] = e.set(m.items[key], in.Key, *in.UpdateExpression)
	e.unused("")
	return &dynamodb.UpdateItemOutput{Attributes: maps.Clone(m.items[key])}, nil
}

func (m *memory) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	reasons, refused := make([]types.CancellationReason, len(in.TransactItems)), false
	for i, w := range in.TransactItems {
		var key item
		var when *string
		e := expressions{m.t, nil, nil, map[string]bool{}}
		if u := w.Update; u != nil {
			key, when, e.names, e.values = u.Key, u.ConditionExpression, u.ExpressionAttributeNames, u.ExpressionAttributeValues
		} else {
			c := w.ConditionCheck
			key, when, e.names, e.values = c.Key, c.ConditionExpression, c.ExpressionAttributeNames, c.ExpressionAttributeValues
		}
		reasons[i].Code = aws.String("None")
		if !e.holds(m.items[m.key(key)], *when) {
			reasons[i].Code, refused = aws.String("ConditionalCheckFailed"), true
		}
	}
	if refused {
		return nil, &types.TransactionCanceledException{Message: aws.String("Transaction cancelled"), CancellationReasons: reasons}
	}
	for _, w := range in.TransactItems {
		if u := w.Update; u != nil {
			e := expressions{m.t, u.ExpressionAttributeNames, u.ExpressionAttributeValues, map[string]bool{}}
			m.items[m.key(u.Key)] = e.set(m.items[m.key(u.Key)], u.Key, *u.UpdateExpression)
		}
	}
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

func (m *memory) Scan(ctx context.Context, in *dynamodb.ScanInput, _ ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := slices.Sorted(maps.Keys(m.items))
	if in.ExclusiveStartKey != nil {
		after := m.key(in.ExclusiveStartKey)
		keys = slices.DeleteFunc(keys, func(k string) bool { return k <= after })
	}
	out := &dynamodb.ScanOutput{}
	if len(keys) > m.page {
		keys = keys[:m.page]
		out.LastEvaluatedKey = itemKey(keys[m.page-1])
	}
	for _, k := range keys {
		out.Items = append(out.Items, maps.Clone(m.items[k]))
	}
	return out, ctx.Err()
}

func (m *memory) key(key item) string { return key["tenant_id"].(*types.AttributeValueMemberS).Value }

// expressions evaluates the expressions of one write.
type expressions struct {
	t      testing.TB
	names  map[string]string
	values item
	used   map[string]bool
}

// unused fails the test for values that no expression names: DynamoDB refuses such a call.
func (e expressions) unused(more string) {
	for name := range e.values {
		if !e.used[name] && !strings.Contains(more, name) {
			e.t.Errorf("the value %s is in no expression", name)
		}
	}
}

// holds evaluates a condition: OR binds weakest, then AND; both sides of each are evaluated.
func (e expressions) holds(stored item, condition string) bool {
	if condition == "" {
		return true
	}
	if terms := split(condition, " OR "); len(terms) > 1 {
		return slices.Contains(e.each(stored, terms), true)
	}
	if terms := split(condition, " AND "); len(terms) > 1 {
		return !slices.Contains(e.each(stored, terms), false)
	}
	if inner, ok := between(condition, "("); ok {
		return e.holds(stored, inner)
	}
	if path, ok := between(condition, "attribute_exists("); ok {
		return e.at(stored, path) != nil
	}
	if path, ok := between(condition, "attribute_not_exists("); ok {
		return e.at(stored, path) == nil
	}
	word := strings.Fields(condition)
	if len(word) != 3 || word[1] != "=" && word[1] != "<>" {
		e.t.Fatalf("a condition that this table does not know: %q", condition)
	}
	left, right := e.operand(stored, word[0]), e.operand(stored, word[2])
	return (left != nil && reflect.DeepEqual(left, right)) == (word[1] == "=")
}

func (e expressions) each(stored item, terms []string) (out []bool) {
	for _, term := range terms {
		out = append(out, e.holds(stored, term))
	}
	return out
}

// set gives the item after an update: a list of "#name = operand" or "#name = operand + operand".
func (e expressions) set(stored, key item, update string) item {
	next := maps.Clone(stored)
	if next == nil {
		next = maps.Clone(key)
	}
	assignments, ok := strings.CutPrefix(update, "SET ")
	if !ok {
		e.t.Fatalf("an update that this table does not know: %q", update)
	}
	for _, assignment := range strings.Split(assignments, ", ") {
		word := strings.Fields(assignment)
		value := e.operand(stored, word[2])
		if len(word) == 5 && word[3] == "+" {
			value = sum(e.t, value, e.operand(stored, word[4]))
		} else if len(word) != 3 {
			e.t.Fatalf("an assignment that this table does not know: %q", assignment)
		}
		next[e.names[word[0]]] = value
	}
	return next
}

func (e expressions) operand(stored item, word string) types.AttributeValue {
	if word[0] == '#' {
		return e.at(stored, word)
	}
	e.used[word] = true
	value, bound := e.values[word]
	if !bound {
		e.t.Fatalf("%s stands for nothing", word)
	}
	return value
}

// at walks a path such as #lease.#holder.
func (e expressions) at(stored item, path string) types.AttributeValue {
	var value types.AttributeValue = &types.AttributeValueMemberM{Value: stored}
	for _, step := range strings.Split(path, ".") {
		name, known := e.names[step]
		inside, ok := value.(*types.AttributeValueMemberM)
		if !known {
			e.t.Fatalf("%q is no placeholder for a name", step)
		}
		if !ok || inside.Value[name] == nil {
			return nil
		}
		value = inside.Value[name]
	}
	return value
}

// split cuts at a word that stands in no brackets.
func split(s, word string) (out []string) {
	depth, start := 0, 0
	for i := range s {
		switch {
		case s[i] == '(':
			depth++
		case s[i] == ')':
			depth--
		case depth == 0 && strings.HasPrefix(s[i:], word):
			out, start = append(out, s[start:i]), i+len(word)
		}
	}
	return append(out, s[start:])
}

func between(s, open string) (string, bool) {
	inner, ok := strings.CutPrefix(s, open)
	return strings.TrimSuffix(inner, ")"), ok
}

func sum(t testing.TB, a, b types.AttributeValue) types.AttributeValue {
	x, ok1 := a.(*types.AttributeValueMemberN)
	y, ok2 := b.(*types.AttributeValueMemberN)
	if !ok1 || !ok2 {
		t.Fatal("a sum of what are no numbers")
	}
	m, err1 := strconv.Atoi(x.Value)
	n, err2 := strconv.Atoi(y.Value)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return &types.AttributeValueMemberN{Value: strconv.Itoa(m + n)}
}
