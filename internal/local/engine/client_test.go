package engine

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// closing is a way on which the answer begins before the body's end was looked for: the SDK closes the body meanwhile.
type closing struct {
	t    *testing.T
	seen int
}

func (c *closing) RoundTrip(r *http.Request) (*http.Response, error) {
	c.seen++
	if err := r.Body.Close(); err != nil {
		c.t.Error(err)
	}
	if n, err := io.Copy(io.Discard, r.Body); n != 0 || err != nil {
		c.t.Errorf("the body ends after %d more bytes with %v", n, err)
	}
	return nil, context.Canceled
}

func TestABodyThatWasClosedEnds(t *testing.T) {
	way := &closing{t: t}
	cfg := (&Engine{Endpoint: "http://127.0.0.1:1"}).AWS()
	cfg.HTTPClient, cfg.RetryMaxAttempts = &http.Client{Transport: Transport{By: way}}, 1
	if _, err := dynamodb.NewFromConfig(cfg).ListTables(t.Context(), &dynamodb.ListTablesInput{}); err == nil || way.seen == 0 {
		t.Fatalf("%v after %d requests", err, way.seen)
	}
	if r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:1", nil); err != nil || r.Body != nil {
		t.Fatal(err)
	} else if _, err := (Transport{By: bodiless{t}}).RoundTrip(r); err != nil {
		t.Error(err)
	}
}

// bodiless wants a request without a body to stay one.
type bodiless struct{ t *testing.T }

func (b bodiless) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		b.t.Error("a request without a body has one now")
	}
	return &http.Response{}, nil
}
