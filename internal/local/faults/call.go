package faults

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Call is a request that came to a proxy.
type Call struct {
	// Caller is the function that called; empty where that is not known.
	Caller string
	Method string
	Path   string
	// Action is the operation of an AWS call that names one, in X-Amz-Target or in its form: "UpdateItem".
	Action string
	// Status is that of the answer that the caller was sent; 0 means that it got none.
	Status int

	body []byte // of a request that is small enough to look into
}

// small is how long a body may be to be looked into; longer ones, and those of unknown length, only stream.
const small = 1 << 20

// read makes a Call of a request, whose body can be read as before.
func read(r *http.Request) (Call, error) {
	c := Call{Caller: callerOf(r), Method: r.Method, Path: r.URL.Path}
	if r.ContentLength > 0 && r.ContentLength <= small {
		var err error
		if c.body, err = io.ReadAll(r.Body); err != nil {
			return c, err
		}
		r.Body = io.NopCloser(bytes.NewReader(c.body))
	}
	if _, operation, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		c.Action = operation
	} else if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(c.body))
		if err == nil {
			c.Action = form.Get("Action")
		}
	}
	return c, nil
}

// caller is who is at the other end of a connection. It is found out when it is asked first: one request at a time comes
// on a connection.
type caller struct {
	theirs, ours net.Addr
	name         func(theirs, ours netip.AddrPort) string
	found        string
}

type callerKey struct{}

func callerOf(r *http.Request) string {
	c := r.Context().Value(callerKey{}).(*caller) // of every connection: see Start
	if c.name == nil || c.found != "" {
		return c.found
	}
	theirs, err := netip.ParseAddrPort(c.theirs.String())
	if err != nil {
		return ""
	}
	ours, err := netip.ParseAddrPort(c.ours.String())
	if err != nil {
		return ""
	}
	c.found = c.name(theirs, ours)
	return c.found
}

func (p *Proxy) record(c Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
	close(p.news)
	p.news = make(chan struct{})
}

// Await waits for a call that fits, and counts those that have passed already.
func (p *Proxy) Await(ctx context.Context, fits func(Call) bool) (Call, error) {
	for seen := 0; ; {
		p.mu.Lock()
		calls, news := p.calls, p.news
		p.mu.Unlock()
		for ; seen < len(calls); seen++ {
			if fits(calls[seen]) {
				return calls[seen], nil
			}
		}
		select {
		case <-ctx.Done():
			return Call{}, ctx.Err()
		case <-news:
		}
	}
}
