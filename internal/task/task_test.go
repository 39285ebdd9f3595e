package task

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

type order struct {
	Date string `json:"date"`
}

func (o order) Validate() error {
	if o.Date == "" {
		return errors.New("date is missing")
	}
	return nil
}

type receipt struct {
	Date  string        `json:"date"`
	Token secret.String `json:"token"`
}

func answer(handler Handler[order, receipt], payload string) (string, messages.InvokeResponse_Error) {
	body, err := invoker[order, receipt]{handler}.Invoke(context.Background(), []byte(payload))
	var named messages.InvokeResponse_Error
	if err != nil && !errors.As(err, &named) {
		named.Type = "not an InvokeResponse_Error"
	}
	return string(body), named
}

func TestBadInputReachesNoHandler(t *testing.T) {
	for name, payload := range map[string]string{
		"unknown":   `{"date":"d","x":1}`,
		"missing":   `{}`,
		"duplicate": `{"date":"d","date":"e"}`,
		"case":      `{"Date":"d"}`,
		"trailing":  `{"date":"d"}{}`,
		"malformed": `{"date":7}`,
	} {
		t.Run(name, func(t *testing.T) {
			called := false
			_, err := answer(func(context.Context, order) (receipt, error) { called = true; return receipt{}, nil }, payload)
			if err.Type != string(fault.InvalidInput) || called {
				t.Errorf("got %q (handler called: %v), want InvalidInput and no call", err.Type, called)
			}
		})
	}
}

func TestErrorsCarryTheFaultAndNothingElse(t *testing.T) {
	leak := errors.New("upstream said hunter2")
	for want, handler := range map[fault.Name]Handler[order, receipt]{
		fault.VaultSealed: func(context.Context, order) (receipt, error) {
			return receipt{}, fault.VaultSealed.Errorf("x: %w", leak)
		},
		fault.Unexpected: func(context.Context, order) (receipt, error) { return receipt{}, leak },
		fault.AWSRefused: func(context.Context, order) (receipt, error) { panic(fault.AWSRefused) },
	} {
		_, err := answer(handler, `{"date":"d"}`)
		if want == fault.AWSRefused {
			want = fault.Unexpected // a panic is a defect, whatever it throws
		}
		if err.Type != string(want) {
			t.Errorf("type %q, want %q", err.Type, want)
		}
		if strings.Contains(err.Message, "hunter2") || !strings.Contains(err.Message, "Next: ") {
			t.Errorf("message %q", err.Message)
		}
	}
}

func TestAnswerHidesSecrets(t *testing.T) {
	body, _ := answer(func(_ context.Context, in order) (receipt, error) {
		return receipt{in.Date, secret.New("hunter2")}, nil
	}, `{"date":"d"}`)
	if body != `{"date":"d","token":"[redacted]"}` {
		t.Errorf("body %s", body)
	}
}

func TestHandlerEndsBeforeLambdaDoes(t *testing.T) {
	deadline := time.Now().Add(time.Hour)
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	var seen time.Time
	_, err := invoker[order, receipt]{func(ctx context.Context, _ order) (receipt, error) {
		seen, _ = ctx.Deadline()
		return receipt{}, nil
	}}.Invoke(ctx, []byte(`{"date":"d"}`))
	if err != nil || !seen.Equal(deadline.Add(-reserve)) {
		t.Errorf("deadline %v, want %v (err %v)", seen, deadline.Add(-reserve), err)
	}
}

func TestPrepareNamesABadEnvironment(t *testing.T) {
	type environment struct {
		Bucket string `env:"PMDR_TEST_BUCKET,required"`
	}
	t.Setenv("AWS_REGION", "us-east-1")
	wire := func(context.Context, aws.Config, environment) (Handler[order, receipt], error) { return nil, io.EOF }
	if _, err := prepare(context.Background(), wire); !fault.Is(err, fault.InvalidConfiguration) {
		t.Errorf("prepare = %v, want InvalidConfiguration", err)
	}
	t.Setenv("PMDR_TEST_BUCKET", "b")
	if _, err := prepare(context.Background(), wire); !errors.Is(err, io.EOF) {
		t.Errorf("prepare = %v, want the wiring's own error", err)
	}
}
