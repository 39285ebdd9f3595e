package bench

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/penguinmails/disaster-recovery/internal/local/engine"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// used is what one call of a function took.
type used struct {
	span
	engine.Usage
}

// call calls a compiled function in a process of its own, which finds Vault at an address and S3 at the store; its code, its
// role and everything else are as deployed.
func (b *bench) call(ctx context.Context, function, vaultAddress string, payload, answer any) (used, error) {
	if err := b.direct(ctx, function, vaultAddress); err != nil {
		return used{}, fmt.Errorf("configure %s: %w", function, err)
	}
	begun := time.Now()
	if err := b.Invoke(ctx, function, payload, answer); err != nil {
		return used{}, err
	}
	u := used{span: span{begun, time.Now()}}
	var err error
	u.Usage, err = b.Engine.Usage("pmdr-" + function)
	return u, err
}

// direct changes a function's environment, which ends the processes that it has.
func (b *bench) direct(ctx context.Context, function, vaultAddress string) error {
	variables, err := b.variables(ctx, function)
	if err != nil {
		return err
	}
	maps.Copy(variables, map[string]string{
		"VAULT_NODES":         vaultAddress,
		"AWS_ENDPOINT_URL_S3": b.store.Endpoint,
		"AWS_CA_BUNDLE":       b.Vault.Options().CAFile, // which signed the store's certificate, too
	})
	_, err = lambda.NewFromConfig(b.AWS).UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: aws.String("pmdr-" + function), Environment: &types.Environment{Variables: variables},
	})
	return err
}

// variables is the environment that a function was deployed with.
func (b *bench) variables(ctx context.Context, function string) (map[string]string, error) {
	found, err := lambda.NewFromConfig(b.AWS).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{
		FunctionName: aws.String("pmdr-" + function),
	})
	if err != nil {
		return nil, err
	}
	return found.Environment.Variables, nil
}

// run is the execution that a step is told to work for.
func run(state string) task.Execution {
	return task.Execution{
		ARN:       fmt.Sprintf("arn:aws:states:%s:%s:execution:bench:%s", engine.Region, engine.AccountID, state),
		StartedAt: time.Now().UTC(), State: state,
	}
}
