package task

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// Invocation stands in the place of the execution for a function that no state machine calls: its "ARN" is the function's,
// a colon, and the id of the request.
func Invocation(ctx context.Context, now time.Time) Execution {
	x := Execution{ARN: lambdacontext.FunctionName, StartedAt: now.UTC(), State: lambdacontext.FunctionName}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		x.ARN = lc.InvokedFunctionArn + ":" + lc.AwsRequestID
	}
	return x
}
