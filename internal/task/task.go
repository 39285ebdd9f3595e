// Package task runs one step of a runbook as a Lambda function: strict input, a context that ends before Lambda's own
// deadline, JSON logs, recovered panics, and errors under the name that Catch and Retry blocks know.
package task

import (
	"context"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/caarlos0/env/v11"
	"github.com/go-json-experiment/json"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
)

// Handler is the domain method that does the step's work.
type Handler[In, Out any] func(context.Context, In) (Out, error)

// Wire builds the handler from the AWS configuration and the function's environment.
type Wire[E, In, Out any] func(context.Context, aws.Config, E) (Handler[In, Out], error)

// reserve is how long before Lambda's deadline the handler's context ends, so that a step that runs out of time still
// says which fault it met: Lambda itself would only say Sandbox.Timedout.
const reserve = 500 * time.Millisecond

// Start hands the wired handler to the Lambda runtime and does not return. E is the function's environment, read by its
// `env` tags. In is decoded strictly, and checked by its own Validate method where it has one.
func Start[E, In, Out any](wire Wire[E, In, Out]) {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	slog.SetDefault(log)
	handler, err := prepare(context.Background(), wire)
	if err != nil {
		// Answer every call with the named fault: a crash at start would reach the operator as Runtime.ExitError.
		handler = func(context.Context, In) (Out, error) { var none Out; return none, err }
	}
	lambda.Start(invoker[In, Out]{handler})
}

func prepare[E, In, Out any](ctx context.Context, wire Wire[E, In, Out]) (Handler[In, Out], error) {
	environment, err := env.ParseAs[E]()
	if err != nil {
		return nil, fault.InvalidConfiguration.Errorf("environment: %w", err)
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fault.InvalidConfiguration.Errorf("AWS configuration: %w", err)
	}
	return wire(ctx, cfg, environment)
}

// invoker is the lambda.Handler around a step's handler.
type invoker[In, Out any] struct{ handler Handler[In, Out] }

// Invoke decodes, runs and encodes. The returned error is always a messages.InvokeResponse_Error: for any other type
// aws-lambda-go reports the name of the outermost Go type, which no Catch could match.
func (i invoker[In, Out]) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	log := slog.With("request_id", requestID(ctx))
	started := time.Now()
	out, err := i.run(ctx, payload)
	if err == nil {
		var body []byte
		if body, err = json.Marshal(out); err == nil {
			log.Info("done", "milliseconds", time.Since(started).Milliseconds())
			return body, nil
		}
	}
	f := fault.Of(err)
	log.Error("failed", "fault", f.Name, "error", err.Error(), "milliseconds", time.Since(started).Milliseconds())
	return nil, messages.InvokeResponse_Error{Type: string(f.Name), Message: lambdacontext.FunctionName + ": " + f.Message()}
}

func (i invoker[In, Out]) run(ctx context.Context, payload []byte) (out Out, err error) {
	defer func() {
		if p := recover(); p != nil {
			slog.Error("panic", "request_id", requestID(ctx), "stack", string(debug.Stack()))
			err = fault.Unexpected.Errorf("panic: %v", p)
		}
	}()
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reserve))
		defer cancel()
	}
	var in In
	if err := strictjson.Unmarshal(payload, &in); err != nil {
		return out, fault.InvalidInput.Tellf("%w", err)
	}
	if v, ok := any(in).(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return out, fault.InvalidInput.Tellf("%w", err)
		}
	}
	return i.handler(ctx, in)
}

func requestID(ctx context.Context) string {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		return lc.AwsRequestID
	}
	return ""
}
