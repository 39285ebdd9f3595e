// Package world is what surrounds AWS and Vault on the local platform: the provider of the tenants' servers, the name
// servers that everybody asks, and another mail server that has mail for the tenants.
package world

import (
	"context"
	"errors"

	"github.com/penguinmails/disaster-recovery/internal/local/dns"
	"github.com/penguinmails/disaster-recovery/internal/local/sender"
	"github.com/penguinmails/disaster-recovery/internal/local/server"
)

// Options say what the world is made of.
type Options struct {
	// Provider is how the server provider is started.
	Provider server.Options
	// Zones are those that the name server answers from.
	Zones dns.Zones
}

// World is a running one.
type World struct {
	Provider *server.Provider
	DNS      *dns.Server
	Sender   *sender.Sender
}

// Place is where everything in a world is, also for other processes.
type Place struct {
	// Provider is the API's base URL, Control the URL of the provider's control endpoint: server.Control is a client of it.
	Provider string `json:"provider"`
	Control  string `json:"control"`
	// DNS and Sender are the host:port of the name server and of the other mail server.
	DNS    string `json:"dns"`
	Sender string `json:"sender"`
}

// Place is where everything in this world is.
func (w *World) Place() Place {
	return Place{Provider: w.Provider.Endpoint(), Control: w.Provider.ControlURL(), DNS: w.DNS.Addr, Sender: w.Sender.Addr}
}

// Start starts a world without servers.
func Start(ctx context.Context, o Options) (_ *World, err error) {
	w := &World{}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Stop())
		}
	}()
	if w.Provider, err = server.Start(ctx, o.Provider); err != nil {
		return nil, err
	}
	if w.DNS, err = dns.Start(dns.Options{Zones: o.Zones, Reverse: w.Provider.Reverse}); err != nil {
		return nil, err
	}
	if w.Sender, err = sender.Start(sender.Options{Resolver: w.DNS.Addr}); err != nil {
		return nil, err
	}
	return w, nil
}

// Stop ends the world and every server in it.
func (w *World) Stop() error {
	var errs []error
	if w.Sender != nil {
		errs = append(errs, w.Sender.Stop())
	}
	if w.DNS != nil {
		errs = append(errs, w.DNS.Stop())
	}
	if w.Provider != nil {
		errs = append(errs, w.Provider.Stop())
	}
	return errors.Join(errs...)
}
