// Command apply lets the stack's functions log in to Vault. It takes VAULT_ADDR, VAULT_TOKEN and VAULT_CACERT as the
// vault command does, and the account that the stack is deployed to:
//
//	go run ./internal/vault/policies/apply 123456789012
package main

import (
	"context"
	"fmt"
	"os"
	"regexp"

	"github.com/hashicorp/vault/api"

	"github.com/penguinmails/disaster-recovery/internal/vault/policies"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "apply:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 || !regexp.MustCompile(`^\d{12}$`).MatchString(args[0]) {
		return fmt.Errorf("give the AWS account's twelve digits")
	}
	config := api.DefaultConfig()
	if config.Error != nil {
		return config.Error
	}
	client, err := api.NewClient(config)
	if err != nil {
		return err
	}
	if err := policies.Apply(context.Background(), client, policies.Account{Partition: "aws", ID: args[0]}); err != nil {
		return err
	}
	for step := range policies.All() {
		fmt.Println("policy and role", step)
	}
	return nil
}
