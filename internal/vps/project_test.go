package vps_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

const tokenARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:provider-AbCdEf"

// stored is a Secrets Manager that holds one secret.
type stored struct {
	value string
	err   error
}

func (s *stored) GetSecretValue(_ context.Context, in *secretsmanager.GetSecretValueInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	if s.err != nil {
		return nil, s.err
	}
	if aws.ToString(in.SecretId) != tokenARN {
		return nil, &types.ResourceNotFoundException{}
	}
	return &secretsmanager.GetSecretValueOutput{SecretString: aws.String(s.value)}, nil
}

// The token may be changed while a function lives.
func TestAccountReadsTheTokenEachTime(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	secrets := &stored{value: token}
	account := vps.Account{Secrets: secrets, Config: vps.Config{TokenARN: tokenARN, Endpoint: p.provider.Endpoint()}}
	look := func() error {
		provider, err := account.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = provider.Get(t.Context(), 1)
		return err
	}
	if err := look(); err != nil {
		t.Errorf("with the right token: %v", err)
	}
	server := p.mustCreate(specOf(t, "one"))
	for id, want := range map[string]vps.State{text(server.ID): vps.Running, "4711": vps.Gone} {
		if state, err := account.State(t.Context(), id); err != nil || state != string(want) {
			t.Errorf("server %s is %q, %v; want %s", id, state, err, want)
		}
	}
	_, err := account.State(t.Context(), "seven")
	wantFault(t, err, fault.InvalidInput, "no server id")
	secrets.value = "revoked"
	wantFault(t, look(), fault.ProviderRefused, "does not know the token")
}

func TestAccountWithoutAToken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stored stored
		want   fault.Name
	}{
		"no value yet": {stored{err: &types.ResourceNotFoundException{}}, fault.InvalidConfiguration},
		"empty":        {stored{}, fault.InvalidConfiguration},
		"malformed":    {stored{value: token + "\n"}, fault.InvalidConfiguration},
		"not allowed":  {stored{err: &smithy.GenericAPIError{Code: "AccessDeniedException"}}, fault.AWSRefused},
		"AWS is down":  {stored{err: &types.InternalServiceError{}}, fault.AWSUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			provider, err := vps.Account{Secrets: &tt.stored, Config: vps.Config{TokenARN: tokenARN}}.Open(t.Context())
			wantFault(t, err, tt.want, "")
			if provider != nil {
				t.Error("a provider was opened")
			}
		})
	}
}
