package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"
)

// Faults is what is wrong, or slow, with the provider. The zero value is a provider at its best. Those about booting
// count for boots that begin later.
type Faults struct {
	BootDelay    time.Duration       `json:"boot_delay,omitempty"`     // from power on until SSH answers, in nanoseconds
	NeverBoots   bool                `json:"never_boots,omitempty"`    // servers stay "starting"
	NoNetwork    bool                `json:"no_network,omitempty"`     // servers become "running" and refuse connections
	OtherHostKey bool                `json:"other_host_key,omitempty"` // servers show a host key that nobody pinned
	OutboundShut bool                `json:"outbound_shut,omitempty"`  // what servers send to other hosts is dropped
	PtrIgnored   bool                `json:"ptr_ignored,omitempty"`    // reverse DNS that is set is not served
	Quota        int                 `json:"quota,omitempty"`          // the most servers; 0 means no limit
	Unavailable  map[string][]string `json:"unavailable,omitempty"`    // by region the types that it has none of; "*" is every type
	Unreachable  bool                `json:"unreachable,omitempty"`    // the API cuts every connection without an answer
	API          []Trouble           `json:"api,omitempty"`            // the first that fits a request strikes it
}

// Trouble is what happens to requests to the API.
type Trouble struct {
	Method string `json:"method,omitempty"` // "POST"; empty means any
	Path   string `json:"path,omitempty"`   // what the path behind /v1 begins with, "/servers"; empty means any
	After  bool   `json:"after,omitempty"`  // the request takes effect, and only its answer is lost
	Status int    `json:"status,omitempty"` // of the answer; 0 cuts the connection
	Code   string `json:"code,omitempty"`   // error code of the answer; empty sends a page, not JSON
	Hang   bool   `json:"hang,omitempty"`   // no answer until the client gives up
	Times  int    `json:"times,omitempty"`  // how many requests it strikes; 0 means all
}

// Faults returns what is wrong now.
func (p *Provider) Faults() Faults {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := p.faults
	f.API = slices.Clone(f.API)
	return f
}

// SetFaults replaces what is wrong.
func (p *Provider) SetFaults(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
	p.faults.API = slices.Clone(f.API)
}

// troubled lets the faults of the API strike its requests.
func (p *Provider) troubled(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		trouble, struck := p.strike(r)
		if !struck {
			next.ServeHTTP(w, r)
			return
		}
		if trouble.After {
			next.ServeHTTP(httptest.NewRecorder(), r)
		} else {
			// The server notices that a client has gone only once it has read the request.
			_, _ = io.Copy(io.Discard, r.Body)
		}
		switch {
		case trouble.Hang:
			select {
			case <-r.Context().Done():
			case <-p.stopped:
			}
			panic(http.ErrAbortHandler)
		case trouble.Status == 0:
			panic(http.ErrAbortHandler)
		case trouble.Code == "":
			http.Error(w, "<html>"+http.StatusText(trouble.Status)+"</html>", trouble.Status)
		default:
			refuse(w, problem{trouble.Status, trouble.Code, "this was asked for"})
		}
	})
}

func (p *Provider) strike(r *http.Request) (Trouble, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.faults.Unreachable {
		return Trouble{}, true
	}
	for i := range p.faults.API {
		t := &p.faults.API[i]
		if t.Method != "" && t.Method != r.Method || !strings.HasPrefix(strings.TrimPrefix(r.URL.Path, "/v1"), t.Path) {
			continue
		}
		struck := *t
		if t.Times == 1 {
			p.faults.API = slices.Delete(p.faults.API, i, i+1)
		} else if t.Times > 1 {
			t.Times--
		}
		return struck, true
	}
	return Trouble{}, false
}

// none reports whether the region has no server of this type left.
func (f Faults) none(region, kind string) bool {
	types := f.Unavailable[region]
	return slices.Contains(types, kind) || slices.Contains(types, "*")
}
