package vps

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Config says where the provider's token is.
type Config struct {
	// TokenARN is the secret that holds the token of the provider's project.
	TokenARN string `env:"PROVIDER_TOKEN_ARN,required"`
	// Endpoint is the API's base URL; empty means the provider's own.
	Endpoint string `env:"PROVIDER_ENDPOINT"`
}

// Account is the Project whose token Secrets Manager holds: Vault may be what is broken, and fencing cannot wait for it.
type Account struct {
	Secrets interface {
		GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
	}
	Config Config
}

// Open reads the token and prepares the client.
func (a Account) Open(ctx context.Context) (*Provider, error) {
	out, err := a.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(a.Config.TokenARN)})
	if awsfault.Code(err) == "ResourceNotFoundException" {
		return nil, fault.InvalidConfiguration.Tellf("the secret of the provider's token has no value yet")
	}
	if err != nil {
		return nil, awsfault.From(err, "read the provider's token")
	}
	return New(Options{Token: secret.New(aws.ToString(out.SecretString)), Endpoint: a.Config.Endpoint})
}

// State is what the provider says of a server: the text of a State.
func (a Account) State(ctx context.Context, server string) (string, error) {
	id, err := serverID(server)
	if err != nil {
		return "", err
	}
	provider, err := a.Open(ctx)
	if err != nil {
		return "", err
	}
	found, err := provider.Get(ctx, id)
	return string(found.State), err
}
