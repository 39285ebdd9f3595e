package audit

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// find reads the link whose id is taken. All reads are strongly consistent: DynamoDB serialises each with the
// transactions, so that behind a marker its record is always there.
func (t *Trail) find(ctx context.Context, id string) (link, bool, error) {
	marker, err := t.get(ctx, t.Table, markerKey(id))
	if err != nil || marker == nil {
		return link{}, false, err
	}
	key, err := recordKey(marker)
	if err != nil {
		return link{}, false, fault.AuditConflict.Errorf("marker %s: %w", id, err)
	}
	record, err := t.get(ctx, t.Table, key)
	if err != nil {
		return link{}, false, err
	}
	l, err := linkOf(record)
	if err == nil && l.record.ID != id {
		err = errors.New("it has another id")
	}
	if err != nil {
		return link{}, false, fault.AuditConflict.Errorf("the record that marker %s points to: %w", id, err)
	}
	return l, true, nil
}

// head reads the newest link of a stream; the zero head where there is none yet.
func (t *Trail) head(ctx context.Context, stream string) (head, error) {
	stored, err := t.get(ctx, t.Heads, item{"stream": text(stream)})
	if err != nil || stored == nil {
		return head{}, err
	}
	h, err := headOf(stored)
	if err != nil {
		return head{}, fault.AuditConflict.Errorf("stream %s: %w", stream, err)
	}
	return h, nil
}

func (t *Trail) get(ctx context.Context, table string, key item) (item, error) {
	out, err := t.Database.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, awsfault.From(err, "read %s", table)
	}
	return out.Item, nil
}

// write appends l behind h: record, marker and head in one transaction, or nothing of them. It reports whether the
// world moved on since it was read, so that it has to be read again.
//
// Names go through placeholders: DynamoDB reserves "stream" and "hash".
func (t *Trail) write(ctx context.Context, h head, l link) (moved bool, err error) {
	absent, names := aws.String("attribute_not_exists(#stream)"), map[string]string{"#stream": "stream"}
	next := &types.Put{TableName: &t.Heads, Item: item{"stream": text(l.record.Stream), "seq": number(l.record.Seq), "hash": text(l.hash)},
		ConditionExpression: absent, ExpressionAttributeNames: names}
	if h != (head{}) {
		next.ConditionExpression = aws.String("#seq = :seq AND #hash = :hash")
		next.ExpressionAttributeNames = map[string]string{"#seq": "seq", "#hash": "hash"}
		next.ExpressionAttributeValues = item{":seq": number(h.seq), ":hash": text(h.hash)}
	}
	_, err = t.Database.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Put: &types.Put{TableName: &t.Table, Item: l.item(), ConditionExpression: absent, ExpressionAttributeNames: names}},
		{Put: &types.Put{TableName: &t.Table, Item: l.marker(), ConditionExpression: absent, ExpressionAttributeNames: names}},
		{Put: next},
	}})
	if err == nil {
		return false, nil
	}
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return false, awsfault.From(err, "append to %s", l.record.Stream)
	}
	return t.canceled(ctx, h, l, canceled)
}

// canceled reads why DynamoDB canceled the transaction: one reason per item, in their order.
func (t *Trail) canceled(ctx context.Context, h head, l link, err *types.TransactionCanceledException) (moved bool, _ error) {
	const taken = "ConditionalCheckFailed"
	reasons := map[string]bool{}
	at := [3]string{}
	for i, r := range err.CancellationReasons {
		reasons[aws.ToString(r.Code)] = true
		if i < len(at) {
			at[i] = aws.ToString(r.Code)
		}
	}
	record, marker, newest := at[0], at[1], at[2]
	switch {
	case marker == taken || newest == taken || reasons["TransactionConflict"]:
		return true, nil
	case record == taken:
		// The head alone did not object. Unless it has moved meanwhile, somebody planted a record beyond it.
		now, err := t.head(ctx, l.record.Stream)
		if err != nil || now != h {
			return true, err
		}
		return false, fault.AuditConflict.Errorf("a record stands at %s/%d, beyond the head", l.record.Stream, l.record.Seq)
	case reasons["ThrottlingError"] || reasons["ProvisionedThroughputExceeded"]:
		return false, fault.AWSUnavailable.Errorf("append to %s: %w", l.record.Stream, err)
	}
	return false, fault.AWSRefused.Errorf("append to %s: %w", l.record.Stream, err)
}
