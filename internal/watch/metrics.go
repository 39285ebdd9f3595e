package watch

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
)

// Metrics is what the watch needs of CloudWatch to put what it saw; *cloudwatch.Client fits.
type Metrics interface {
	PutMetricData(context.Context, *cloudwatch.PutMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.PutMetricDataOutput, error)
}

// mostData is how many data PutMetricData takes in one call.
const mostData = 1000

// put puts the data. Faults: AWSUnavailable, AWSRefused; some of the data may be there all the same.
func put(ctx context.Context, m Metrics, data ...types.MetricDatum) error {
	for part := range slices.Chunk(data, mostData) {
		_, err := m.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: aws.String(Namespace), MetricData: part})
		if err != nil {
			return awsfault.From(err, "put %d metrics", len(part))
		}
	}
	return nil
}

// datum is one value of a metric. Its time is that of the round: rounds come regularly, their ends do not, and two values
// within one minute leave the next minute without any.
func datum(metric string, value float64, at time.Time, dimensions ...types.Dimension) types.MetricDatum {
	return types.MetricDatum{MetricName: &metric, Value: &value, Timestamp: &at, Dimensions: dimensions}
}

func ofTenant(id string) types.Dimension {
	return types.Dimension{Name: aws.String(tenantDimension), Value: &id}
}

// flag is the value of a metric that is 0 or 1.
func flag(set bool) float64 {
	if set {
		return 1
	}
	return 0
}
