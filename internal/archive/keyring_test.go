package archive

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"maps"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// keyring is KMS in memory: one key that wraps data keys and one that signs.
type keyring struct {
	signing *ecdsa.PrivateKey
	refuse  error // what every call answers, where set

	mu      sync.Mutex
	wrapped map[string]dataKey
}

type dataKey struct {
	plaintext []byte
	context   map[string]string
}

func newKeyring(t *testing.T) *keyring {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &keyring{signing: key, wrapped: map[string]dataKey{}}
}

func (k *keyring) GenerateDataKey(_ context.Context, in *kms.GenerateDataKeyInput, _ ...func(*kms.Options)) (*kms.GenerateDataKeyOutput, error) {
	if k.refuse != nil {
		return nil, k.refuse
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	plaintext := make([]byte, 32)
	rand.Read(plaintext)
	blob := rand.Text()
	k.wrapped[blob] = dataKey{append([]byte(nil), plaintext...), maps.Clone(in.EncryptionContext)}
	return &kms.GenerateDataKeyOutput{Plaintext: plaintext, CiphertextBlob: []byte(blob), KeyId: aws.String("arn:backup-key")}, nil
}

func (k *keyring) Decrypt(_ context.Context, in *kms.DecryptInput, _ ...func(*kms.Options)) (*kms.DecryptOutput, error) {
	if k.refuse != nil {
		return nil, k.refuse
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	key, known := k.wrapped[string(in.CiphertextBlob)]
	if !known || !maps.Equal(key.context, in.EncryptionContext) {
		return nil, &types.InvalidCiphertextException{}
	}
	return &kms.DecryptOutput{Plaintext: append([]byte(nil), key.plaintext...)}, nil
}

func (k *keyring) Sign(_ context.Context, in *kms.SignInput, _ ...func(*kms.Options)) (*kms.SignOutput, error) {
	if k.refuse != nil {
		return nil, k.refuse
	}
	signature, err := ecdsa.SignASN1(rand.Reader, k.signing, in.Message)
	return &kms.SignOutput{Signature: signature}, err
}

func (k *keyring) GetPublicKey(context.Context, *kms.GetPublicKeyInput, ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error) {
	if k.refuse != nil {
		return nil, k.refuse
	}
	der, err := x509.MarshalPKIXPublicKey(&k.signing.PublicKey)
	return &kms.GetPublicKeyOutput{PublicKey: der}, err
}
