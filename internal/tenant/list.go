package tenant

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Scanner is what listing needs of DynamoDB; *dynamodb.Client fits.
type Scanner interface {
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
}

// List lists the tenants, for the watch.
type List struct {
	Database Scanner
	Table    string
}

// Tenants gives every tenant, the one to be recovered first first. One broken record must not blind the watch for all
// the others: with the tenants that could be read comes an error that names those which could not.
//
// Faults: AWSUnavailable, AWSRefused, both without any tenant; Unexpected beside the readable ones.
func (l List) Tenants(ctx context.Context) ([]Tenant, error) {
	var all []Tenant
	var broken []error
	pages := dynamodb.NewScanPaginator(l.Database, &dynamodb.ScanInput{TableName: &l.Table, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, awsfault.From(err, "list %s", l.Table)
		}
		for _, stored := range page.Items {
			key, _ := stored["tenant_id"].(*types.AttributeValueMemberS)
			if key == nil || strings.HasPrefix(key.Value, "#") {
				continue
			}
			t, err := tenantOf(stored)
			if err == nil {
				err = t.check()
			}
			if err != nil {
				broken = append(broken, fault.Unexpected.Errorf("tenant %s: %w", key.Value, err))
				continue
			}
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b Tenant) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), strings.Compare(a.ID, b.ID))
	})
	return all, errors.Join(broken...)
}
