package task

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

func TestInvocationNamesTheCall(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 0, 0, 0, time.FixedZone("", 3600))
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{
		AwsRequestID: "request-1", InvokedFunctionArn: "arn:aws:lambda:eu-central-1:123456789012:function:pmdr-approve-restore",
	})
	x := Invocation(ctx, now)
	if x.ARN != "arn:aws:lambda:eu-central-1:123456789012:function:pmdr-approve-restore:request-1" || !x.StartedAt.Equal(now) || x.StartedAt.Location() != time.UTC {
		t.Errorf("%+v", x)
	}
}
