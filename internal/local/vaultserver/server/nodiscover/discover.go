// Package discover stands in for hashicorp/go-discover, with which Vault finds its peers in a cloud's inventory. A
// server of the local platform joins by address, and the real package would bring in Kubernetes, vSphere and five
// clouds: almost five hundred packages and three minutes of building. Only what Vault's core calls is declared here.
package discover

import (
	"errors"
	"log"
)

var errAbsent = errors.New("this server is built without cloud auto-join: give leader_api_addr")

// Provider looks up addresses in one cloud.
type Provider interface {
	Addrs(args map[string]string, l *log.Logger) ([]string, error)
	Help() string
}

// Providers is empty: no cloud is known.
var Providers = map[string]Provider{}

// Discover finds no peers.
type Discover struct{}

// Option is accepted by New and has no effect.
type Option func(*Discover) error

// WithProviders has no effect.
func WithProviders(map[string]Provider) Option { return nil }

// New returns a Discover that refuses every lookup.
func New(...Option) (*Discover, error) { return &Discover{}, nil }

// Addrs always fails.
func (*Discover) Addrs(string, *log.Logger) ([]string, error) { return nil, errAbsent }

// Config is what Parse would return.
type Config map[string]string

// Parse always fails.
func Parse(string) (Config, error) { return nil, errAbsent }

func (Config) String() string { return "" }
