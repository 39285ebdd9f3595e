// Package signing makes statements that can be proved later and elsewhere: DSSE envelopes (Dead Simple Signing
// Envelope, v1) signed by an ECDSA P-256 key that never leaves KMS, verified with nothing but its public key.
package signing

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
)

// ErrSignature is in the chain of every error about a statement that does not hold.
var ErrSignature = errors.New("the signature does not hold")

// KMS are the two calls that signing and verifying need.
type KMS interface {
	Sign(context.Context, *kms.SignInput, ...func(*kms.Options)) (*kms.SignOutput, error)
	GetPublicKey(context.Context, *kms.GetPublicKeyInput, ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error)
}

// Signer signs with one KMS key.
type Signer struct {
	KMS KMS
	// Key is the key's id, alias or ARN.
	Key string
}

// Seal wraps a payload in a signed envelope and returns the envelope's JSON.
func (s Signer) Seal(ctx context.Context, payloadType string, payload []byte) ([]byte, error) {
	signer, err := dsse.NewEnvelopeSigner(kmsKey{s})
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	envelope, err := signer.SignPayload(ctx, payloadType, payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(envelope)
}

// kmsKey is a Signer as the dsse library wants one.
type kmsKey struct{ Signer }

func (k kmsKey) Sign(ctx context.Context, data []byte) ([]byte, error) {
	digest := sha256.Sum256(data)
	out, err := k.KMS.Sign(ctx, &kms.SignInput{
		KeyId:            aws.String(k.Signer.Key),
		Message:          digest[:],
		MessageType:      types.MessageTypeDigest,
		SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	if err != nil {
		return nil, awsfault.From(err, "sign with the manifest key")
	}
	return out.Signature, nil
}

// KeyID is empty on purpose: an envelope does not get to say which key it is checked with.
func (k kmsKey) KeyID() (string, error) { return "", nil }

// Verifier checks envelopes against one public key.
type Verifier struct {
	// Key returns the public key; it is asked once per envelope.
	Key func(context.Context) (*ecdsa.PublicKey, error)
}

// Open checks the envelope's signature and type and returns the payload. Every error about the envelope itself wraps
// ErrSignature; errors in fetching the key do not.
func (v Verifier) Open(ctx context.Context, payloadType string, envelope []byte) ([]byte, error) {
	key, err := v.Key(ctx)
	if err != nil {
		return nil, err
	}
	var e dsse.Envelope
	if err := json.Unmarshal(envelope, &e); err != nil {
		return nil, fmt.Errorf("%w: not an envelope: %w", ErrSignature, err)
	}
	if e.PayloadType != payloadType {
		return nil, fmt.Errorf("%w: a statement of type %q", ErrSignature, e.PayloadType)
	}
	verifier, err := dsse.NewEnvelopeVerifier(publicKey{key})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if _, err := verifier.Verify(ctx, &e); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return e.DecodeB64Payload()
}

// FromKMS verifies with the public half of a KMS key, fetched once.
func FromKMS(client KMS, keyID string) Verifier {
	var (
		mu  sync.Mutex
		key *ecdsa.PublicKey
	)
	return Verifier{Key: func(ctx context.Context) (*ecdsa.PublicKey, error) {
		mu.Lock()
		defer mu.Unlock()
		if key != nil {
			return key, nil
		}
		out, err := client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: aws.String(keyID)})
		if err != nil {
			return nil, awsfault.From(err, "fetch the public key of the manifest key")
		}
		key, err = ParseKey(out.PublicKey)
		return key, err
	}}
}

// FromPEM verifies with a public key in PEM, as people keep it outside AWS.
func FromPEM(text []byte) (Verifier, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return Verifier{}, errors.New("public key: no PEM")
	}
	key, err := ParseKey(block.Bytes)
	if err != nil {
		return Verifier{}, err
	}
	return Verifier{Key: func(context.Context) (*ecdsa.PublicKey, error) { return key, nil }}, nil
}

// ParseKey reads a public key in DER (SubjectPublicKeyInfo), as KMS hands it out.
func ParseKey(der []byte) (*ecdsa.PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("public key: %T is not an ECDSA key", parsed)
	}
	return key, nil
}

// publicKey is an ECDSA key as the dsse library wants a verifier.
type publicKey struct{ key *ecdsa.PublicKey }

func (p publicKey) Verify(_ context.Context, data, signature []byte) error {
	digest := sha256.Sum256(data)
	if !ecdsa.VerifyASN1(p.key, digest[:], signature) {
		return errors.New("wrong signature")
	}
	return nil
}

// KeyID is empty: see kmsKey.KeyID.
func (p publicKey) KeyID() (string, error) { return "", nil }

func (p publicKey) Public() crypto.PublicKey { return p.key }
