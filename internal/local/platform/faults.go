package platform

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/penguinmails/disaster-recovery/internal/local/engine"
	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
)

// Faults are the proxies between the functions and everything that they call.
type Faults struct {
	AWS      *faults.Proxy
	Vault    *faults.Proxy
	Provider *faults.Proxy
	// Mailu is the admin port of every mail server, at the far end of the SSH tunnel. Its callers have no names.
	Mailu *faults.Proxy
	// Runtime is the Lambda Runtime API: here a function gets its event and gives its answer.
	Runtime *faults.Proxy

	engine atomic.Pointer[engine.Engine]
}

// startFaults starts the proxies; what is behind them comes later, for the engine must know them when it starts.
func (p *Platform) startFaults() error {
	p.Faults = &Faults{}
	certificate, err := tls.LoadX509KeyPair(p.authority.CertFile, p.authority.KeyFile)
	if err != nil {
		return fmt.Errorf("start the fault proxies: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(p.authority.CAPEM) {
		return errors.New("start the fault proxies: the authority's certificate is unusable")
	}
	for _, one := range []struct {
		proxy   **faults.Proxy
		options faults.Options
	}{
		{&p.Faults.AWS, faults.Options{}},
		{&p.Faults.Vault, faults.Options{Certificate: &certificate, Roots: roots}},
		{&p.Faults.Provider, faults.Options{}},
		{&p.Faults.Mailu, faults.Options{}},
		{&p.Faults.Runtime, faults.Options{Route: faults.RuntimeAPI}},
	} {
		one.options.Caller = p.Faults.caller
		if *one.proxy, err = faults.Start(one.options); err != nil {
			return err
		}
	}
	return nil
}

// follow leads the proxies to what has started meanwhile. A Vault that is started again keeps its address.
func (f *Faults) follow(e *engine.Engine, vault *vaultserver.Node) {
	f.engine.Store(e)
	f.AWS.Forward(e.Endpoint)
	f.Vault.Forward(vault.URL())
}

func (f *Faults) caller(theirs, ours netip.AddrPort) string {
	e := f.engine.Load()
	if e == nil {
		return ""
	}
	return e.Caller(theirs, ours)
}

func (f *Faults) stop() error {
	var errs []error
	for _, p := range []*faults.Proxy{f.AWS, f.Vault, f.Provider, f.Mailu, f.Runtime} {
		if p != nil {
			errs = append(errs, p.Stop())
		}
	}
	return errors.Join(errs...)
}

// vaultForFunctions is the address under which the functions find Vault.
func (p *Platform) vaultForFunctions() string {
	if p.Faults != nil {
		return p.Faults.Vault.URL()
	}
	return p.Vault.URL()
}

// providerForFunctions is where the functions find the server provider's API.
func (p *Platform) providerForFunctions() string {
	if p.Faults != nil {
		return p.Faults.Provider.URL() + "/v1"
	}
	return p.Mail.At.Provider
}
