package sealed

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// kmsServer answers GenerateDataKey and Decrypt over HTTP as AWS documents them (KMS API reference, version 2014-11-01):
// a wrapped key opens with the key and the encryption context it was made with, and with no other.
type kmsServer struct {
	mu   sync.Mutex
	made map[string]kmsKey // by wrapped key
}

type kmsKey struct {
	keyID     string
	context   map[string]string
	plaintext []byte
}

type kmsRequest struct {
	KeyID             string `json:"KeyId"`
	KeySpec           string
	CiphertextBlob    []byte
	EncryptionContext map[string]string
}

func (s *kmsServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var in kmsRequest
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch target := r.Header.Get("X-Amz-Target"); {
	case in.KeyID == "denied":
		s.fail(w, "AccessDeniedException")
	case target == "TrentService.GenerateDataKey" && in.KeySpec == "AES_256":
		key := kmsKey{keyID: in.KeyID, context: in.EncryptionContext, plaintext: make([]byte, 32)}
		rand.Read(key.plaintext)
		wrapped := []byte("wrapped " + rand.Text())
		s.made[string(wrapped)] = key
		s.answer(w, map[string]any{"KeyId": "arn:aws:kms:us-east-1:123456789012:key/" + in.KeyID, "Plaintext": key.plaintext, "CiphertextBlob": wrapped})
	case target == "TrentService.Decrypt":
		key, ok := s.made[string(in.CiphertextBlob)]
		switch {
		case !ok || !maps.Equal(key.context, in.EncryptionContext):
			s.fail(w, "InvalidCiphertextException")
		case key.keyID != in.KeyID:
			s.fail(w, "IncorrectKeyException")
		default:
			s.answer(w, map[string]any{"KeyId": "arn:aws:kms:us-east-1:123456789012:key/" + in.KeyID, "Plaintext": key.plaintext})
		}
	default:
		s.fail(w, "ValidationException")
	}
}

func (s *kmsServer) answer(w http.ResponseWriter, out map[string]any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	json.NewEncoder(w).Encode(out)
}

func (s *kmsServer) fail(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(map[string]string{"__type": name})
}

func newKMSClient(t *testing.T) *kms.Client {
	server := httptest.NewServer(&kmsServer{made: map[string]kmsKey{}})
	t.Cleanup(server.Close)
	return kms.New(kms.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(server.URL),
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient:   server.Client(),
	})
}

func TestKMS(t *testing.T) {
	client := newKMSClient(t)
	var file bytes.Buffer
	w, err := NewWriter(t.Context(), &file, testMeta(), KMS{Client: client, KeyID: "backups"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(100)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if arn := w.Header().Keys[0].KeyARN; arn != "arn:aws:kms:us-east-1:123456789012:key/backups" {
		t.Errorf("key_arn %s", arn)
	}
	plaintext, err := open(t.Context(), file.Bytes(), WithKMS(KMS{Client: client, KeyID: "backups"}))
	if err != nil || !bytes.Equal(plaintext, pattern(100)) {
		t.Fatalf("%d bytes, %v", len(plaintext), err)
	}

	if _, err := open(t.Context(), file.Bytes(), WithKMS(KMS{Client: client, KeyID: "another"})); !errors.Is(err, ErrKey) {
		t.Errorf("the reader's own key must count, not the header's: %v", err)
	}
	h := w.Header()
	h.ContentType = ContentInventory
	if _, err := WithKMS(KMS{Client: client, KeyID: "backups"}).DataKey(t.Context(), h); !errors.Is(err, ErrKey) {
		t.Errorf("another encryption context: %v", err)
	}
	_, err = open(t.Context(), file.Bytes(), WithKMS(KMS{Client: client, KeyID: "denied"}))
	if err == nil || errors.Is(err, ErrKey) {
		t.Errorf("access denied says nothing about the file: %v", err)
	}
}

func TestKMSRefusesToSeal(t *testing.T) {
	_, err := NewWriter(t.Context(), &bytes.Buffer{}, testMeta(), KMS{Client: newKMSClient(t), KeyID: "denied"})
	var incorrect *types.IncorrectKeyException
	if err == nil || errors.Is(err, ErrKey) || errors.As(err, &incorrect) {
		t.Errorf("got %v", err)
	}
}
