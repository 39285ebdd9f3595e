package approval

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Config says where approvals lie.
type Config struct {
	Table string `env:"APPROVALS_TABLE,required"`
}

// Database is what approvals need of DynamoDB; *dynamodb.Client fits.
type Database interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
}

// Table holds at most one approval for each cluster and manifest; both are its key. An item's attributes are the members of
// Approval's JSON form.
type Table struct {
	Database Database
	Name     string
}

// Open prepares the table; it makes no call.
func Open(cfg aws.Config, c Config) Table {
	return Table{Database: dynamodb.NewFromConfig(cfg), Name: c.Table}
}

// Give stores an approval, in the place of one that was given before. Faults: AWSUnavailable, AWSRefused.
func (t Table) Give(ctx context.Context, a Approval) error {
	item, err := attributevalue.MarshalMapWithOptions(a, func(o *attributevalue.EncoderOptions) {
		o.TagKey, o.UseEncodingMarshalers = "json", true
	})
	if err != nil {
		return fault.Unexpected.Errorf("encode the approval: %w", err)
	}
	_, err = t.Database.PutItem(ctx, &dynamodb.PutItemInput{TableName: &t.Name, Item: item})
	return awsfault.From(err, "store the approval")
}

// Find reads the approval for this backup over this Vault; where there is none it is the zero Approval. Faults:
// AWSUnavailable, AWSRefused.
func (t Table) Find(ctx context.Context, clusterID, manifestSHA256 string) (a Approval, err error) {
	out, err := t.Database.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &t.Name, Key: key(clusterID, manifestSHA256), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return Approval{}, awsfault.From(err, "read the approval")
	}
	err = attributevalue.UnmarshalMapWithOptions(out.Item, &a, func(o *attributevalue.DecoderOptions) {
		o.TagKey, o.UseEncodingUnmarshalers = "json", true
	})
	if err != nil {
		return Approval{}, fault.Unexpected.Errorf("the approval cannot be read: %w", err)
	}
	return a, nil
}

// Use marks an approval, exactly as it was found, as used by an execution. ok is false where it was used or given anew
// meanwhile. Faults: AWSUnavailable, AWSRefused; after AWSUnavailable it may be used or not.
func (t Table) Use(ctx context.Context, a Approval, execution string) (ok bool, err error) {
	given, err := attributevalue.MarshalWithOptions(a.ApprovedAt, func(o *attributevalue.EncoderOptions) { o.UseEncodingMarshalers = true })
	if err != nil {
		return false, fault.Unexpected.Errorf("encode the approval: %w", err)
	}
	_, err = t.Database.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.Name, Key: key(a.ClusterID, a.ManifestSHA256),
		UpdateExpression:    aws.String("SET #used_by = :execution"),
		ConditionExpression: aws.String("#used_by = :nobody AND #approved_at = :given"),
		ExpressionAttributeNames: map[string]string{
			"#used_by": "used_by", "#approved_at": "approved_at",
		},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":execution": text(execution), ":nobody": text(""), ":given": given,
		},
	})
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return false, nil
	}
	return err == nil, awsfault.From(err, "use the approval")
}

func key(clusterID, manifestSHA256 string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"cluster_id": text(clusterID), "manifest_sha256": text(manifestSHA256)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
