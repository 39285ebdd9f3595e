package sealed

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// KMSAPI is the part of *kms.Client that sealing and opening need.
type KMSAPI interface {
	GenerateDataKey(context.Context, *kms.GenerateDataKeyInput, ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error)
	Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// KMS wraps and unwraps data keys with one symmetric key of AWS KMS. It is both a KeyWrapper and a KeyUnwrapper.
type KMS struct {
	Client KMSAPI
	KeyID  string // id, alias or ARN of the key; in both directions no other key is used
}

var (
	_ KeyWrapper   = KMS{}
	_ KeyUnwrapper = KMS{}
)

// GenerateDataKey asks KMS for a new 256-bit data key.
func (k KMS) GenerateDataKey(ctx context.Context, encryptionContext map[string]string) (plaintext, wrapped []byte, keyARN string, err error) {
	out, err := k.Client.GenerateDataKey(ctx, &kms.GenerateDataKeyInput{
		KeyId:             aws.String(k.KeyID),
		KeySpec:           types.DataKeySpecAes256,
		EncryptionContext: encryptionContext,
	})
	if err != nil {
		return nil, nil, "", fmt.Errorf("kms: generate data key: %w", err)
	}
	return out.Plaintext, out.CiphertextBlob, aws.ToString(out.KeyId), nil
}

// UnwrapDataKey asks KMS to decrypt a data key. The error wraps ErrKey when KMS says that it was wrapped by another key,
// for another context, or was changed.
func (k KMS) UnwrapDataKey(ctx context.Context, wrapped []byte, encryptionContext map[string]string) ([]byte, error) {
	out, err := k.Client.Decrypt(ctx, &kms.DecryptInput{
		KeyId:             aws.String(k.KeyID),
		CiphertextBlob:    wrapped,
		EncryptionContext: encryptionContext,
	})
	var otherKey *types.IncorrectKeyException
	var otherContext *types.InvalidCiphertextException
	switch {
	case errors.As(err, &otherKey), errors.As(err, &otherContext):
		return nil, fmt.Errorf("%w: kms: decrypt data key: %w", ErrKey, err)
	case err != nil:
		return nil, fmt.Errorf("kms: decrypt data key: %w", err)
	}
	return out.Plaintext, nil
}
