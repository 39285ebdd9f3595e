package restore

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// UnsealInput says only which run asks.
type UnsealInput struct {
	Execution task.Execution `json:"execution"`
}

// Validate checks the part that the state machine itself fills.
func (in UnsealInput) Validate() error { return in.Execution.Validate() }

// Unsealed names the nodes that were opened. No other step says "opened": by this word the rule that starts
// reconcile-after-restore knows a run that opened Vault.
type Unsealed struct {
	Opened []string `json:"opened"`
}

// Secrets is the one call of Secrets Manager that unsealing needs.
type Secrets interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Unsealer is the step UnsealVault.
type Unsealer struct {
	Cluster *vault.Cluster
	Secrets Secrets
	// SecretID is the ARN of the secret that holds Vault's key shares: {"shares":["…","…"]}.
	SecretID string
}

// Unseal opens every sealed node at its own address: behind a load balancer the shares would scatter over the nodes.
// A second run finds nothing sealed and does nothing, not even read the shares.
func (u Unsealer) Unseal(ctx context.Context, _ UnsealInput) (Unsealed, error) {
	var shares []secret.String
	unsealed := Unsealed{Opened: []string{}}
	for _, n := range u.Cluster.Nodes() {
		if n.Health(ctx).State != vault.Sealed {
			continue
		}
		if shares == nil {
			var err error
			if shares, err = u.shares(ctx); err != nil {
				return Unsealed{}, err
			}
		}
		if err := n.Unseal(ctx, shares); err != nil {
			return Unsealed{}, err
		}
		unsealed.Opened = append(unsealed.Opened, n.Address)
	}
	return unsealed, nil
}

func (u Unsealer) shares(ctx context.Context) ([]secret.String, error) {
	out, err := u.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(u.SecretID)})
	if awsfault.Code(err) == "ResourceNotFoundException" {
		return nil, fault.UnsealSharesWrong.Tellf("the secret has no value yet")
	}
	if err != nil {
		return nil, awsfault.From(err, "read the key shares")
	}
	var held struct {
		Shares []secret.String `json:"shares"`
	}
	if strictjson.Unmarshal([]byte(aws.ToString(out.SecretString)), &held) != nil || len(held.Shares) == 0 {
		return nil, fault.UnsealSharesWrong.Tellf(`the secret is not of the form {"shares":["...","..."]}`)
	}
	return held.Shares, nil
}
