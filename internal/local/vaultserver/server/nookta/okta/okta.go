// Package okta stands in for Okta's client library, which Vault's core calls when a login must be confirmed in the Okta
// app. No server of the local platform has such a login, and the real package, generated from the whole of Okta's API,
// is the longest step of the build and a fifth of the binary. Only what the core calls is declared here, and all of it
// starts with a Configuration, of which there is none.
package okta

import (
	"context"
	"errors"
	"net/http"
)

var errAbsent = errors.New("this server is built without Okta")

// Configuration is never made.
type Configuration struct{ Context context.Context }

// ConfigSetter is accepted by NewConfiguration and has no effect.
type ConfigSetter func(*Configuration)

// NewConfiguration always fails.
func NewConfiguration(...ConfigSetter) (*Configuration, error) { return nil, errAbsent }

// WithToken has no effect.
func WithToken(string) ConfigSetter { return nil }

// WithOrgUrl has no effect.
func WithOrgUrl(string) ConfigSetter { return nil }

// WithCache has no effect.
func WithCache(bool) ConfigSetter { return nil }

// APIClient groups the calls.
type APIClient struct {
	UserAPI       UserAPI
	UserFactorAPI UserFactorAPI
	config        *Configuration
}

// NewAPIClient returns a client whose calls all fail.
func NewAPIClient(c *Configuration) *APIClient { return &APIClient{config: c} }

// GetConfig returns the configuration.
func (c *APIClient) GetConfig() *Configuration { return c.config }

// Request is a call that can be prepared and fails.
type Request[T any] struct{}

// Filter has no effect.
func (r Request[T]) Filter(string) Request[T] { return r }

// Execute always fails.
func (Request[T]) Execute() (answer T, response *http.Response, err error) {
	return answer, nil, errAbsent
}

type (
	// UserAPI finds users.
	UserAPI struct{}
	// UserFactorAPI handles a user's second factors.
	UserFactorAPI struct{}
	// User is one user.
	User struct{ id string }
	// UserFactorPush is the app that asks a user for confirmation.
	UserFactorPush struct{ id string }
	// Factor is a second factor of some kind.
	Factor struct{ UserFactorPush *UserFactorPush }
	// Verification is the answer to a question that was put to a user.
	Verification struct {
		Links  map[string]any
		result string
	}
	// Transaction has one field set, which says how the question stands.
	Transaction struct {
		UserFactorPushTransaction         *struct{}
		UserFactorPushTransactionWaiting  *struct{}
		UserFactorPushTransactionRejected *struct{}
		UserFactorPushTransactionTimeout  *struct{}
	}
)

// ListUsers always fails.
func (UserAPI) ListUsers(context.Context) (r Request[[]User]) { return r }

// ListFactors always fails.
func (UserFactorAPI) ListFactors(_ context.Context, user string) (r Request[[]Factor]) { return r }

// VerifyFactor always fails.
func (UserFactorAPI) VerifyFactor(_ context.Context, user, factor string) (r Request[*Verification]) {
	return r
}

// GetFactorTransactionStatus always fails.
func (UserFactorAPI) GetFactorTransactionStatus(_ context.Context, user, factor, transaction string) (r Request[*Transaction]) {
	return r
}

// GetId returns the identifier.
func (u User) GetId() string { return u.id }

// GetId returns the identifier.
func (f UserFactorPush) GetId() string { return f.id }

// GetFactorResult returns how the question stands.
func (v Verification) GetFactorResult() string { return v.result }
