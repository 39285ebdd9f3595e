package tenant

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// budgetKey is the key of the ledger among the tenants.
const budgetKey = "#budget"

// ledger is the item with the shares. Each write replaces exactly the version that it was made from.
type ledger struct {
	Version int64   `json:"version"` // 0 while there is no item
	Shares  []share `json:"shares"`
}

func (l ledger) has(execution string) bool {
	return slices.ContainsFunc(l.Shares, func(s share) bool { return s.Execution == execution })
}

// since leaves out what counts for nothing any more.
func (l ledger) since(start time.Time) []share {
	return slices.DeleteFunc(slices.Clone(l.Shares), func(s share) bool { return s.Ended && !s.TakenAt.After(start) })
}

func (b Budget) read(ctx context.Context) (ledger, error) {
	stored, err := read(ctx, b.Ledger, b.Registry.Table, budgetKey)
	if err != nil || stored == nil {
		return ledger{}, err
	}
	var l ledger
	if err := decode(stored, &l); err != nil {
		return ledger{}, fault.Unexpected.Errorf("the automation budget cannot be read: %w", err)
	}
	return l, nil
}

// replacing is the change from one version of the ledger to the next.
func replacing(old ledger, next []share) change {
	c := change{
		set:    "SET #shares = :shares, #version = :next",
		when:   "attribute_not_exists(#version)",
		values: values{"shares": next, "next": old.Version + 1},
	}
	if old.Version > 0 {
		c.when, c.values["version"] = "#version = :version", old.Version
	}
	return c
}

// replace stores the shares if in the same moment automation is on, everywhere and for this tenant. ok is false when one
// of these was not as it had been read.
func (b Budget) replace(ctx context.Context, old ledger, next []share, tenantID string) (ok bool, err error) {
	table, c := &b.Registry.Table, replacing(old, next)
	bound, err := c.values.encode()
	if err != nil {
		return false, err
	}
	off := item{":off": &types.AttributeValueMemberBOOL{Value: false}}
	const automatic, tenant = "(attribute_not_exists(#stopped) OR #stopped = :off)", "#suppressed = :off"
	_, err = b.Ledger.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
		{Update: &types.Update{
			TableName: table, Key: itemKey(budgetKey), UpdateExpression: &c.set, ConditionExpression: &c.when,
			ExpressionAttributeNames: names(c.set + c.when), ExpressionAttributeValues: bound,
		}},
		{ConditionCheck: &types.ConditionCheck{
			TableName: table, Key: itemKey(switchKey), ConditionExpression: aws.String(automatic),
			ExpressionAttributeNames: names(automatic), ExpressionAttributeValues: off,
		}},
		{ConditionCheck: &types.ConditionCheck{
			TableName: table, Key: itemKey(tenantID), ConditionExpression: aws.String(tenant),
			ExpressionAttributeNames: names(tenant), ExpressionAttributeValues: off,
		}},
	}})
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return err == nil, awsfault.From(err, "take from the budget")
	}
	for _, r := range canceled.CancellationReasons {
		switch aws.ToString(r.Code) {
		case "None", "ConditionalCheckFailed", "TransactionConflict":
		case "ThrottlingError", "ProvisionedThroughputExceeded":
			return false, fault.AWSUnavailable.Errorf("take from the budget: %w", err)
		default:
			return false, fault.AWSRefused.Errorf("take from the budget: %w", err)
		}
	}
	return false, nil
}
