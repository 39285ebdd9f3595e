package platform

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// StoreShares puts Vault's key shares where UnsealVault finds them, as the operator does once after the first deploy.
func (p *Platform) StoreShares(ctx context.Context) error {
	var held struct {
		Shares []string `json:"shares"`
	}
	for _, s := range p.Keys.Shares[:threshold] {
		held.Shares = append(held.Shares, s.Reveal())
	}
	value, err := json.Marshal(held)
	if err != nil {
		return err
	}
	_, err = secretsmanager.NewFromConfig(p.AWS).PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(p.Outputs["UnsealSharesSecret"]), SecretString: aws.String(string(value)),
	})
	if err != nil {
		return fmt.Errorf("store the key shares: %w", err)
	}
	return nil
}
