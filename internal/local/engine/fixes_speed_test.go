//go:build platform

package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sfn"
)

// Both limits are fixed delays that nobody can come in under while they last, so one quick run in thirty is proof, on
// however busy a machine.
const attempts = 30

// delayedACK is the least time the kernel holds back an acknowledgement (TCP_DELACK_MIN).
const delayedACK = 40 * time.Millisecond

func TestNagle(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		best := time.Hour
		for range attempts {
			began := time.Now()
			var environ []string
			if err := a.invoke(ctx, struct{}{}, &environ); err != nil {
				return "", err
			}
			if best = min(best, time.Since(began)); best < delayedACK {
				return "", nil
			}
		}
		return fmt.Sprintf("a warm invocation takes %v", best), nil
	})
}

func TestStartDelay(t *testing.T) {
	restores(t, func(ctx context.Context, a *account) (string, error) {
		best := time.Hour
		for range attempts {
			ended, err := a.execute(ctx, `{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}`, `{}`)
			if err != nil {
				return "", err
			}
			history, err := sfn.NewFromConfig(a.config).GetExecutionHistory(ctx, &sfn.GetExecutionHistoryInput{ExecutionArn: ended.ExecutionArn})
			if err != nil {
				return "", err
			}
			began, entered := history.Events[0].Timestamp, history.Events[1].Timestamp
			if best = min(best, entered.Sub(*began)); best < 150*time.Millisecond {
				return "", nil
			}
		}
		return fmt.Sprintf("the first state is entered after %v", best), nil
	})
}
