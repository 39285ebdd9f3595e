package engine

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// AWS is the configuration of a client of the engine, as the root user.
func (e *Engine) AWS() aws.Config {
	way := http.DefaultTransport.(*http.Transport).Clone()
	way.MaxIdleConnsPerHost = 10 // as the SDK's own has
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(e.Endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient: &http.Client{
			Transport:     Transport{By: way},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Transport is the way to the engine for a client of the AWS SDK; its zero value goes by http.DefaultTransport.
//
// The SDK closes a request's body as soon as the answer begins. On loopback that can be before net/http has seen the body's
// end, and then the SDK's io.WriterTo ends with an error (smithy-go 1.28), for which net/http drops the connection and the
// answer with it: what was done looks as if it had failed, and is tried again. Without WriterTo the end is an end.
type Transport struct{ By http.RoundTripper }

// RoundTrip is that of http.RoundTripper.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	by := t.By
	if by == nil {
		by = http.DefaultTransport
	}
	if r.Body != nil && r.Body != http.NoBody {
		plain := *r
		plain.Body = struct{ io.ReadCloser }{r.Body}
		r = &plain
	}
	return by.RoundTrip(r)
}
