// Package faults stands between the product and what it calls, on loopback, and makes bad days: a proxy forwards every
// request to its upstream, and rules strike those that fit. The connection is cut before the upstream has seen the
// request or after it has acted, the answer is late, never comes, breaks off or is another one; and a test can do
// something of its own in that very moment, such as killing the caller.
//
// Bodies stream in both directions. Redirects are passed on to the caller.
package faults

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"sync"
)

// Options say whom a proxy stands in for.
type Options struct {
	// Certificate makes the proxy speak TLS, and Roots are whom it trusts at an upstream that does.
	Certificate *tls.Certificate
	Roots       *x509.CertPool
	// Route names the upstream of a request and may shorten its path; without it every request goes where Forward said.
	Route func(*http.Request) (upstream string, err error)
	// Caller names whoever has the connection with these ends, its own and ours; without it nobody has a name.
	Caller func(theirs, ours netip.AddrPort) string
}

// Proxy is a running proxy.
type Proxy struct {
	options   Options
	server    *http.Server
	address   string
	transport *http.Transport
	cancel    context.CancelFunc
	serving   sync.WaitGroup

	mu       sync.Mutex
	upstream string            // of every request without a route or a dialled connection
	dialled  map[string]string // upstreams by the address of our end of the connection
	rules    []*Standing
	calls    []Call
	news     chan struct{} // closed and replaced with every call
}

// Start starts a proxy on a free loopback port. Until Forward, requests that have no other way are cut.
func Start(o Options) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start fault proxy: %w", err)
	}
	p := &Proxy{
		options: o, address: listener.Addr().String(), dialled: map[string]string{}, news: make(chan struct{}),
		transport: &http.Transport{
			TLSClientConfig:    &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			DisableCompression: true, // what the caller did not ask for it would not understand
			// An upstream that closes a kept connection in the moment of its use would be a fault that no test asked for.
			DisableKeepAlives: true,
		},
	}
	var base context.Context
	base, p.cancel = context.WithCancel(context.Background())
	p.server = &http.Server{
		Handler: p, ErrorLog: log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return base },
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, callerKey{}, &caller{theirs: conn.RemoteAddr(), ours: conn.LocalAddr(), name: o.Caller})
		},
		ConnState: p.forget,
	}
	if o.Certificate != nil {
		// HTTP/1.1 alone: there one connection is one request at a time, and cutting it strikes nobody else.
		listener = tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{*o.Certificate}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12,
		})
	}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

// Stop ends the proxy and every request that is under way.
func (p *Proxy) Stop() error {
	p.cancel()
	err := p.server.Close()
	p.serving.Wait()
	return err
}

// Address is the proxy's host:port.
func (p *Proxy) Address() string { return p.address }

// URL is the base under which the proxy is reached, without a path.
func (p *Proxy) URL() string {
	if p.options.Certificate != nil {
		return "https://" + p.address
	}
	return "http://" + p.address
}

// Forward names the upstream, "http://host:port".
func (p *Proxy) Forward(upstream string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.upstream = upstream
}

// ServeHTTP forwards one request, if no rule strikes it.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.serving.Add(1)
	defer p.serving.Done()
	upstream, err := p.route(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	call, err := read(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	var next http.Handler = p.forwarder(upstream)
	if rule := p.struck(call, r); rule != nil {
		for i := len(rule.Strikes) - 1; i >= 0; i-- {
			next = rule.Strikes[i](next)
		}
	}
	answer := &heard{ResponseWriter: w}
	defer func() {
		call.Status = answer.status
		p.record(call)
	}()
	next.ServeHTTP(answer, r)
}

var errNoUpstream = errors.New("no upstream is known for this request")

// route is the base URL of the request's upstream.
func (p *Proxy) route(r *http.Request) (*url.URL, error) {
	p.mu.Lock()
	upstream := p.upstream
	if own, ok := p.dialled[r.RemoteAddr]; ok {
		upstream = own
	}
	p.mu.Unlock()
	if p.options.Route != nil {
		var err error
		if upstream, err = p.options.Route(r); err != nil {
			return nil, err
		}
	}
	if upstream == "" {
		return nil, errNoUpstream
	}
	return url.Parse(upstream)
}

// forwarder passes requests on as they came: their host stays, because it is signed. An upstream that does not answer is
// a connection that breaks.
func (p *Proxy) forwarder(upstream *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = upstream.Scheme, upstream.Host
		},
		Transport: p.transport, FlushInterval: -1, ErrorLog: p.server.ErrorLog,
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
}

// heard remembers the status that the caller was told.
type heard struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status; what precedes an answer (1xx) is none.
func (h *heard) WriteHeader(status int) {
	if h.status == 0 && status >= http.StatusOK {
		h.status = status
	}
	h.ResponseWriter.WriteHeader(status)
}

// Unwrap gives http.ResponseController the writer beneath.
func (h *heard) Unwrap() http.ResponseWriter { return h.ResponseWriter }
