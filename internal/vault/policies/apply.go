package policies

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/api"
)

// Account is where the functions run.
type Account struct {
	// Partition is "aws", or another where Amazon keeps one.
	Partition string
	// ID is the account's twelve digits.
	ID string
}

// tokenTTL is how long a step's login lasts: longer than any function may run.
const tokenTTL = "20m"

// Apply gives Vault every step's policy, and a role of the same name on the aws auth method that only the step's IAM
// role can take. It may be repeated. Afterwards the functions can log in, without any secret; so can they after a
// restore, because policies and roles travel inside the snapshot. The method itself (auth/aws, with its STS endpoint
// and iam_server_id_header_value) is configured before, by the operator.
func Apply(ctx context.Context, client *api.Client, account Account) error {
	for step, text := range All() {
		if err := client.Sys().PutPolicyWithContext(ctx, step, text); err != nil {
			return fmt.Errorf("policy %s: %w", step, err)
		}
		role := map[string]any{
			"auth_type":               "iam",
			"bound_iam_principal_arn": fmt.Sprintf("arn:%s:iam::%s:role/pmdr-%s", account.Partition, account.ID, step),
			// By name, not by IAM's internal id: a rebuilt stack has new ids, and must still fit an old snapshot.
			"resolve_aws_unique_ids": false,
			"token_policies":         step,
			"token_ttl":              tokenTTL,
			"token_max_ttl":          tokenTTL,
		}
		if _, err := client.Logical().WriteWithContext(ctx, "auth/aws/role/"+step, role); err != nil {
			return fmt.Errorf("role %s: %w", step, err)
		}
	}
	return nil
}
