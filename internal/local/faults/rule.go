package faults

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

// Rule strikes the requests that fit all of it. Of several rules that fit a request, the one that was added first strikes.
type Rule struct {
	Caller string // the function that calls; empty means any, here and below
	Method string
	Path   string // what the path begins with
	Action string // the operation of an AWS call, "UpdateItem"
	Body   string // what the body holds; a body of more than 1 MiB, or of unknown length, is not looked into
	// If is for what the fields above cannot say. It must not read the body.
	If func(*http.Request) bool

	Skip  int // how many requests that fit pass unharmed first
	Times int // how many it strikes; 0 means all

	// Strikes happen in this order, the forwarding of the request last.
	Strikes []Strike
}

// Standing is a rule in force.
type Standing struct {
	Rule
	proxy  *Proxy
	fitted int
	struck int
}

// Add puts a rule into force.
func (p *Proxy) Add(r Rule) *Standing {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &Standing{Rule: r, proxy: p}
	p.rules = append(p.rules, s)
	return s
}

// Struck is how many requests the rule has struck.
func (s *Standing) Struck() int {
	s.proxy.mu.Lock()
	defer s.proxy.mu.Unlock()
	return s.struck
}

// Remove takes the rule out of force; what it has struck stays struck.
func (s *Standing) Remove() {
	s.proxy.mu.Lock()
	defer s.proxy.mu.Unlock()
	s.proxy.rules = slices.DeleteFunc(s.proxy.rules, func(r *Standing) bool { return r == s })
}

// struck finds the rule that strikes a request and counts it; nil if there is none.
func (p *Proxy) struck(c Call, r *http.Request) *Standing {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.rules {
		if !s.fits(c, r) || s.Times > 0 && s.struck == s.Times {
			continue
		}
		if s.fitted++; s.fitted <= s.Skip {
			continue
		}
		s.struck++
		return s
	}
	return nil
}

func (r Rule) fits(c Call, request *http.Request) bool {
	return (r.Caller == "" || r.Caller == c.Caller) &&
		(r.Method == "" || r.Method == c.Method) &&
		strings.HasPrefix(c.Path, r.Path) &&
		(r.Action == "" || r.Action == c.Action) &&
		(r.Body == "" || bytes.Contains(c.body, []byte(r.Body))) &&
		(r.If == nil || r.If(request))
}
