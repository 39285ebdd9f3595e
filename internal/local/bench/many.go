package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
)

// atOnce is how many tenants are rotated at once, each with a server of its own, and the goal for it. Two cores cannot hash for
// so many within that time, so the table says how much hashing a rotation is.
const (
	atOnce     = 200
	atOnceGoal = time.Minute
)

// rotators are the functions that a rotation runs.
var rotators = []string{"stage-credentials", "set-credentials", "test-credentials", "commit-credentials", "record-audit", "alert-operations"}

// rotations measures credential-rotation for many tenants, started at once.
func (b *bench) rotations(ctx context.Context) error {
	tenants := make([]string, atOnce)
	for i := range tenants {
		tenants[i] = fmt.Sprintf("bench-%03d", i)
	}
	err := b.say.Step(fmt.Sprintf("set up %d more tenants, each with a server", atOnce), func() error {
		group, gctx := errgroup.WithContext(ctx)
		group.SetLimit(4)
		for _, tenant := range tenants {
			group.Go(func() error {
				_, err := b.OnboardMail(gctx, tenant)
				return err
			})
		}
		return group.Wait()
	})
	if err != nil {
		return err
	}
	var took, cpu time.Duration
	err = b.say.Step(fmt.Sprintf("rotate %d tenants at once", atOnce), func() error {
		before, err := b.spent()
		if err != nil {
			return err
		}
		if took, err = b.rotateAll(ctx, tenants); err != nil {
			return err
		}
		after, err := b.spent()
		cpu = after - before
		return err
	})
	if err != nil {
		return err
	}
	hash, err := hashing()
	if err != nil {
		return err
	}
	cores := float64(runtime.NumCPU())
	b.report.add(row(fmt.Sprintf("credential-rotation, %d tenants at once", atOnce), took.Seconds(), "s").
		goal(took < atOnceGoal, "under %.0f s", atOnceGoal.Seconds()).
		noted("a rotation puts a password through bcrypt %d times, %d of them in our functions: that alone keeps this machine's %.0f cores busy for %.0f s. In production every function and every mail server has a processor of its own. Our functions used %.2f s of CPU a rotation.",
			hashes+mailuHashes, hashes, cores, atOnce*(hashes+mailuHashes)*hash.Seconds()/cores, cpu.Seconds()/atOnce))
	return nil
}

// spent is the CPU time of the functions so far.
func (b *bench) spent() (sum time.Duration, err error) {
	for _, function := range rotators {
		used, err := b.Engine.Usage("pmdr-" + function)
		if err != nil {
			return 0, err
		}
		sum += used.CPU
	}
	return sum, nil
}

// rotateAll starts a rotation of every tenant and gives the time from the first start to the last end.
func (b *bench) rotateAll(ctx context.Context, tenants []string) (time.Duration, error) {
	desk := runbook.NewDesk(b.AWS)
	var started []string
	for _, tenant := range tenants {
		arn, err := desk.Start(ctx, b.Outputs["CredentialRotationArn"], rotationOf(tenant))
		if err != nil {
			return 0, err
		}
		started = append(started, arn)
	}
	// One question for all of them: asked one by one, the engine would be busy with answering.
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for running := true; running; {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-tick.C:
		}
		out, err := desk.States.ListExecutions(ctx, &sfn.ListExecutionsInput{
			StateMachineArn: aws.String(b.Outputs["CredentialRotationArn"]), StatusFilter: types.ExecutionStatusRunning,
		})
		if err != nil {
			return 0, err
		}
		running = len(out.Executions) > 0
	}
	var whole span
	for _, arn := range started {
		result, err := desk.Wait(ctx, arn)
		if err != nil {
			return 0, err
		}
		if result.Status != types.ExecutionStatusSucceeded {
			return 0, errors.New(desk.Explain(ctx, result))
		}
		if whole.from.IsZero() || result.Started.Before(whole.from) {
			whole.from = result.Started
		}
		if result.Stopped.After(whole.to) {
			whole.to = result.Stopped
		}
	}
	return whole.length(), nil
}
