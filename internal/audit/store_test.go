package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// bucket is S3 in memory, as far as the trail goes: If-None-Match, checksums that are held against the body.
type bucket struct {
	t       *testing.T
	mu      sync.Mutex
	objects map[string][]byte
	locked  map[string]time.Time // until when
	fail    error                // what every put answers
}

func newBucket(t *testing.T) *bucket {
	return &bucket{t: t, objects: map[string][]byte{}, locked: map[string]time.Time{}}
}

func (b *bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return nil, b.fail
	}
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	if got := aws.ToString(in.ChecksumSHA256); got != base64.StdEncoding.EncodeToString(sum[:]) {
		b.t.Errorf("%s: checksum %q", *in.Key, got)
	}
	if aws.ToString(in.IfNoneMatch) != "*" || in.ObjectLockMode != "COMPLIANCE" || aws.ToString(in.ContentType) != "application/json" {
		b.t.Errorf("%s is not written once, locked, as JSON", *in.Key)
	}
	if _, there := b.objects[*in.Key]; there {
		return nil, answered(http.StatusPreconditionFailed, "PreconditionFailed")
	}
	b.objects[*in.Key], b.locked[*in.Key] = body, *in.ObjectLockRetainUntilDate
	return &s3.PutObjectOutput{}, nil
}

func (b *bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, there := b.objects[*in.Key]
	if !there {
		return nil, answered(http.StatusNotFound, "NoSuchKey")
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(body))}, nil
}

// answered is an error as the SDK gives it for an answer of the service.
func answered(status int, code string) error {
	return &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Fault: smithy.FaultClient},
	}
}
