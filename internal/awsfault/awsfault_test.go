package awsfault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// config points the real SDK at a server of the test, without its retries.
func config(url string) aws.Config {
	return aws.Config{
		Region:       "eu-central-1",
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "example", ""),
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// TestAnswersOfTheWire sends what services really answer through the real client.
func TestAnswersOfTheWire(t *testing.T) {
	tests := map[string]struct {
		handler http.HandlerFunc
		want    fault.Name
		code    string
	}{
		"throttled":         {answer(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}`), fault.AWSUnavailable, "ProvisionedThroughputExceededException"},
		"throttled, plain":  {answer(400, `{"__type":"ThrottlingException"}`), fault.AWSUnavailable, "ThrottlingException"},
		"server error":      {answer(500, `{"__type":"InternalServerError"}`), fault.AWSUnavailable, "InternalServerError"},
		"a proxy's page":    {answer(502, `<html>bad gateway</html>`), fault.AWSUnavailable, ""},
		"busy, no body":     {answer(429, ``), fault.AWSUnavailable, "UnknownError"},
		"cut short":         {cut, fault.AWSUnavailable, ""},
		"dropped":           {drop, fault.AWSUnavailable, ""},
		"nonsense":          {answer(200, `{"Item":[`), fault.AWSUnavailable, ""},
		"no permission":     {answer(400, `{"__type":"AccessDeniedException"}`), fault.AWSRefused, "AccessDeniedException"},
		"no table":          {answer(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}`), fault.AWSRefused, "ResourceNotFoundException"},
		"invalid":           {answer(400, `{"__type":"ValidationException"}`), fault.AWSRefused, "ValidationException"},
		"unknown code":      {answer(400, `{"__type":"SomethingNewException"}`), fault.AWSRefused, "SomethingNewException"},
		"expired signature": {answer(403, `{"__type":"InvalidSignatureException"}`), fault.AWSRefused, "InvalidSignatureException"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			_, err := dynamodb.NewFromConfig(config(server.URL)).GetItem(context.Background(), get("audit"))
			if err == nil {
				t.Fatal("the client saw no error")
			}
			got := From(err, "read head of %s", "platform")
			if !fault.Is(got, tt.want) {
				t.Errorf("From(%v) = %s, want %s", err, fault.Of(got).Name, tt.want)
			}
			if !strings.Contains(got.Error(), "read head of platform") || !errors.Is(got, errors.Unwrap(fault.Of(got))) {
				t.Errorf("the log text lost the call: %v", got)
			}
			if code := Code(err); code != tt.code {
				t.Errorf("Code = %q, want %q", code, tt.code)
			}
		})
	}
}

func TestS3SpeaksXML(t *testing.T) {
	for code, want := range map[string]fault.Name{
		"ConditionalRequestConflict": fault.AWSUnavailable,
		"SlowDown":                   fault.AWSUnavailable,
		"AccessDenied":               fault.AWSRefused,
		"NoSuchBucket":               fault.AWSRefused,
		"PreconditionFailed":         fault.AWSRefused,
	} {
		t.Run(code, func(t *testing.T) {
			server := httptest.NewServer(answer(409, "<Error><Code>"+code+"</Code></Error>"))
			defer server.Close()
			client := s3.NewFromConfig(config(server.URL), func(o *s3.Options) { o.UsePathStyle = true })
			_, err := client.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), Body: strings.NewReader("x")})
			if got := From(err, "put"); !fault.Is(got, want) {
				t.Errorf("%s: From(%v) = %s, want %s", code, err, fault.Of(got).Name, want)
			}
			if Status(err) != 409 {
				t.Errorf("Status = %d", Status(err))
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := dynamodb.NewFromConfig(config(server.URL)).GetItem(context.Background(), get("audit"))
	if !fault.Is(From(err, "get"), fault.AWSUnavailable) {
		t.Errorf("From(%v) = %s", err, fault.Of(From(err, "get")).Name)
	}
}

func TestTimeIsUp(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := dynamodb.NewFromConfig(config(server.URL)).GetItem(ctx, get("audit"))
	if !fault.Is(From(err, "get"), fault.AWSUnavailable) {
		t.Errorf("From(%v) = %s", err, fault.Of(From(err, "get")).Name)
	}
}

func TestWhatNoServiceSent(t *testing.T) {
	if From(nil, "get") != nil {
		t.Error("no error became one")
	}
	_, refusedBySDK := dynamodb.NewFromConfig(config("http://127.0.0.1:1")).GetItem(context.Background(), &dynamodb.GetItemInput{})
	tests := map[string]struct {
		err  error
		want fault.Name
	}{
		"the SDK's own validation": {refusedBySDK, fault.Unexpected},
		"a defect":                 {errors.New("nil map"), fault.Unexpected},
		"a fault of the reader":    {fmt.Errorf("upload: %w", fault.SnapshotIncomplete.Errorf("short")), fault.SnapshotIncomplete},
		"a fault inside a refusal": {fmt.Errorf("upload: %w", fault.VaultSealed.Errorf("%w", &smithy.GenericAPIError{Code: "AccessDenied"})), fault.VaultSealed},
		"a server's fault class":   {&smithy.GenericAPIError{Code: "Odd", Fault: smithy.FaultServer}, fault.AWSUnavailable},
		"a body cut short":         {fmt.Errorf("read object: %w", io.ErrUnexpectedEOF), fault.AWSUnavailable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := fault.Of(From(tt.err, "call")).Name; got != tt.want {
				t.Errorf("From(%v) = %s, want %s", tt.err, got, tt.want)
			}
		})
	}
}

func get(table string) *dynamodb.GetItemInput {
	return &dynamodb.GetItemInput{TableName: &table, Key: map[string]types.AttributeValue{"stream": &types.AttributeValueMemberS{Value: "platform"}}}
}

// cut promises more bytes than it sends; drop sends none.
func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "500")
	_, _ = io.WriteString(w, `{"Item":`)
}

func drop(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}
