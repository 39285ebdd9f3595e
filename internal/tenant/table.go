package tenant

import (
	"context"
	"errors"
	"math/rand/v2"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Database is what the registry needs of DynamoDB; *dynamodb.Client fits.
type Database interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
}

// The table has the key tenant_id. An item's attributes are the members of the JSON form of what it holds. The other
// keys begin with "#", which no tenant's id does: see budgetKey, switchKey and incidentsKey.
type item = map[string]types.AttributeValue

func itemKey(id string) item {
	return item{"tenant_id": &types.AttributeValueMemberS{Value: id}}
}

// read gives the item, strongly consistent; nil where there is none.
func read(ctx context.Context, db Database, table, id string) (item, error) {
	out, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: itemKey(id), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, awsfault.From(err, "read %s of %s", id, table)
	}
	return out.Item, nil
}

// values are what the placeholders of an expression stand for: ":holder" by "holder".
type values map[string]any

// change is one conditional write of one item: it happens whole, or not at all. In both expressions every attribute
// stands behind a "#", for DynamoDB reserves names such as "name" and "region".
type change struct {
	set    string // UpdateExpression
	when   string // ConditionExpression; empty where nothing can be in the way
	values values
}

// write makes the change and gives the item as it is then. ok is false when the condition did not hold, or another
// write was at the same item in this moment: read again.
func write(ctx context.Context, db Database, table, id string, c change) (after item, ok bool, err error) {
	bound, err := c.values.encode()
	if err != nil {
		return nil, false, err
	}
	in := &dynamodb.UpdateItemInput{
		TableName: &table, Key: itemKey(id), UpdateExpression: &c.set,
		ExpressionAttributeNames: names(c.set + c.when), ExpressionAttributeValues: bound,
		ReturnValues: types.ReturnValueAllNew,
	}
	if c.when != "" {
		in.ConditionExpression = &c.when
	}
	out, err := db.UpdateItem(ctx, in)
	var refused *types.ConditionalCheckFailedException
	var conflict *types.TransactionConflictException
	switch {
	case errors.As(err, &refused), errors.As(err, &conflict):
		return nil, false, nil
	case err != nil:
		return nil, false, awsfault.From(err, "write %s of %s", id, table)
	}
	return out.Attributes, true, nil
}

func (v values) encode() (item, error) {
	bound := item{}
	for name, value := range v {
		encoded, err := attributevalue.MarshalWithOptions(value, func(o *attributevalue.EncoderOptions) {
			o.TagKey, o.UseEncodingMarshalers = "json", true
		})
		if err != nil {
			return nil, fault.Unexpected.Errorf("encode %s: %w", name, err)
		}
		bound[":"+name] = encoded
	}
	return bound, nil
}

// decode reads an item into the type whose JSON form it has.
func decode(stored item, into any) error {
	return attributevalue.UnmarshalMapWithOptions(stored, into, func(o *attributevalue.DecoderOptions) {
		o.TagKey, o.UseEncodingUnmarshalers = "json", true
	})
}

var placeholder = regexp.MustCompile(`#\w+`)

// names resolves the placeholders of an expression: "#region" is the attribute region.
func names(expression string) map[string]string {
	out := map[string]string{}
	for _, name := range placeholder.FindAllString(expression, -1) {
		out[name] = name[1:]
	}
	return out
}

// attempts bounds how often a write is tried against others; with the pauses between them that takes ten seconds at
// most.
const attempts = 24

// untilSettled repeats one attempt to read an item and change it for as long as other writes come in between.
func untilSettled(ctx context.Context, what string, attempt func() (settled bool, err error)) error {
	for n := range attempts {
		if settled, err := attempt(); err != nil || settled {
			return err
		}
		timer := time.NewTimer(rand.N(min(400*time.Millisecond, 10*time.Millisecond<<n)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fault.AWSUnavailable.Errorf("%s: %w", what, ctx.Err())
		}
	}
	return fault.AWSUnavailable.Errorf("%s: other writes came first %d times", what, attempts)
}
