// Package vaulttest answers like a Vault node over TLS, for tests of what speaks to one. It knows the answers that every
// node gives; a test adds those that it is about, and reads back what was asked.
package vaulttest

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The identity that sys/health of every node claims.
const (
	ClusterID = "0f5c7e2a-1d1c-4f0e-8b59-2f6f6a0c3b11"
	Version   = "1.21.0"
	Time      = 1795485631 // Unix seconds
)

// Node is one server.
type Node struct {
	*httptest.Server
	mu       sync.Mutex
	answers  map[string]http.HandlerFunc
	requests []Request
}

// Request is one that the node got.
type Request struct {
	Method string
	// Path is decoded and without "/v1/".
	Path   string
	Proto  string // "HTTP/1.1"
	Query  string
	Header http.Header
	Body   string
}

// String is "GET sys/health".
func (r Request) String() string { return r.Method + " " + r.Path }

// Start starts an active node that ends with the test.
func Start(t testing.TB) *Node {
	n := &Node{answers: map[string]http.HandlerFunc{}}
	n.Server = httptest.NewUnstartedServer(http.HandlerFunc(n.serve))
	n.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that distrust it are part of the tests
	n.EnableHTTP2 = true                           // as Vault does
	n.StartTLS()
	t.Cleanup(n.Close)
	n.Be("active")
	return n
}

// StartAll starts nodes in these states, as Be takes them; "down" is one that does not listen any more.
func StartAll(t *testing.T, states ...string) []*Node {
	t.Helper()
	var out []*Node
	for _, state := range states {
		n := Start(t)
		if state == "down" {
			n.Close()
		}
		n.Be(state)
		out = append(out, n)
	}
	return out
}

// CA is what clients of every node trust: the base64 of a PEM.
func (n *Node) CA() string {
	block := pem.Block{Type: "CERTIFICATE", Bytes: n.Certificate().Raw}
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&block))
}

// Be sets what sys/health says: active, standby, sealed or uninitialized. A request that a test gave no answer for is
// refused as a node in that state refuses it.
func (n *Node) Be(state string) {
	initialized, sealed, standby := state != "uninitialized", state == "sealed" || state == "removed" || state == "uninitialized", state != "active"
	identity := ""
	if !sealed {
		identity = `,"cluster_name":"vault","cluster_id":"` + ClusterID + `"`
	}
	// vault/api asks for status 299 where Vault's own would read as an error.
	status := http.StatusOK
	if state != "active" {
		status = 299
	}
	n.On("GET sys/health", JSON(status, fmt.Sprintf(
		`{"initialized":%v,"sealed":%v,"standby":%v,"performance_standby":false,"removed_from_cluster":%v,"server_time_utc":%d,"version":%q%s}`,
		initialized, sealed, standby, state == "removed", Time, Version, identity)))
	switch {
	case sealed:
		n.On("", JSON(http.StatusServiceUnavailable, `{"errors":["Vault is sealed"]}`))
	default:
		n.On("", JSON(http.StatusNotFound, `{"errors":[]}`))
	}
}

// On sets the answer to a request, "PUT sys/init"; to "" it is the answer to every other one.
func (n *Node) On(request string, answer http.HandlerFunc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers[request] = answer
}

// Requests are those that the node got, in order.
func (n *Node) Requests() []Request {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.requests)
}

// Mutations are the requests among them that are no reads.
func (n *Node) Mutations() []Request {
	return slices.DeleteFunc(n.Requests(), func(r Request) bool { return r.Method == http.MethodGet })
}

func (n *Node) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client hung up
	}
	request := Request{r.Method, strings.TrimPrefix(r.URL.Path, "/v1/"), r.Proto, r.URL.RawQuery, r.Header, string(body)}
	n.mu.Lock()
	n.requests = append(n.requests, request)
	answer := n.answers[request.String()]
	if answer == nil {
		answer = n.answers[""]
	}
	n.mu.Unlock()
	answer(w, r)
}

// JSON answers with this status and body.
func JSON(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Redirect answers as a standby does: the leader is elsewhere.
func Redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", to+r.URL.RequestURI())
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

// Cut breaks the connection instead of answering.
func Cut(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
