package signing

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
)

const kind = "application/vnd.pmdr.test+json"

// softKMS is the two KMS calls over a key in memory.
type softKMS struct{ key *ecdsa.PrivateKey }

func newKMS(t *testing.T) softKMS {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return softKMS{key}
}

func (s softKMS) Sign(_ context.Context, in *kms.SignInput, _ ...func(*kms.Options)) (*kms.SignOutput, error) {
	signature, err := ecdsa.SignASN1(rand.Reader, s.key, in.Message)
	return &kms.SignOutput{Signature: signature}, err
}

func (s softKMS) GetPublicKey(context.Context, *kms.GetPublicKeyInput, ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error) {
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	return &kms.GetPublicKeyOutput{PublicKey: der}, err
}

func TestRoundTrip(t *testing.T) {
	k := newKMS(t)
	envelope, err := Signer{k, "key"}.Seal(t.Context(), kind, []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := FromKMS(k, "key").Open(t.Context(), kind, envelope)
	if err != nil || string(got) != `{"a":1}` {
		t.Errorf("Open = %s, %v", got, err)
	}
}

// The key that people keep in PEM proves what KMS signed, and nothing that another key did.
func TestWithoutKMS(t *testing.T) {
	k, other := newKMS(t), newKMS(t)
	der, err := x509.MarshalPKIXPublicKey(k.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := FromPEM(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	for signer, want := range map[softKMS]error{k: nil, other: ErrSignature} {
		envelope, err := Signer{signer, "key"}.Seal(t.Context(), kind, []byte(`{"a":1}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifier.Open(t.Context(), kind, envelope); !errors.Is(err, want) {
			t.Errorf("Open = %v, want %v", err, want)
		}
	}
	for _, text := range [][]byte{nil, der, []byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")} {
		if _, err := FromPEM(text); err == nil {
			t.Errorf("%q is taken for a key", text)
		}
	}
}

func TestRefused(t *testing.T) {
	k, other := newKMS(t), newKMS(t)
	envelope, err := Signer{k, "key"}.Seal(t.Context(), kind, []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := Signer{other, "key"}.Seal(t.Context(), kind, []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	edit := func(change func(map[string]any)) []byte {
		var e map[string]any
		if err := json.Unmarshal(envelope, &e); err != nil {
			t.Fatal(err)
		}
		change(e)
		out, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	tests := map[string]struct {
		kind     string
		envelope []byte
	}{
		"another key":         {kind, foreign},
		"another payload":     {kind, edit(func(e map[string]any) { e["payload"] = "eyJhIjoyfQ==" })},
		"no signature":        {kind, edit(func(e map[string]any) { e["signatures"] = []any{} })},
		"another type inside": {kind, edit(func(e map[string]any) { e["payloadType"] = kind + "x" })},
		"another type wanted": {kind + "x", envelope},
		"both types changed":  {kind + "x", edit(func(e map[string]any) { e["payloadType"] = kind + "x" })},
		"not JSON":            {kind, []byte("no")},
		"cut short":           {kind, envelope[:len(envelope)/2]},
	}
	for name, tt := range tests {
		if _, err := FromKMS(k, "key").Open(t.Context(), tt.kind, tt.envelope); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: Open = %v, want ErrSignature", name, err)
		}
	}
	if strings.Contains(string(envelope), "keyid\":\"key") {
		t.Error("the envelope names its key")
	}
}
