// UnsealVault opens every sealed node with the stored key shares.
package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/penguinmails/disaster-recovery/internal/restore"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

type environment struct {
	Vault    vault.Config
	SecretID string `env:"UNSEAL_SHARES_ARN,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[restore.UnsealInput, restore.Unsealed], error) {
	cluster, err := vault.Open(e.Vault)
	if err != nil {
		return nil, err
	}
	return restore.Unsealer{Cluster: cluster, Secrets: secretsmanager.NewFromConfig(cfg), SecretID: e.SecretID}.Unseal, nil
}

func main() { task.Start(wire) }
