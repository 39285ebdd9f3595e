package faults

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"
)

// Strike is what happens to a request; next is what would have happened without it.
type Strike func(next http.Handler) http.Handler

// CutBefore cuts the connection: the upstream never sees the request. A client may send a request anew by itself when a
// connection that it had used before breaks: Go's does so for one that may be repeated, such as GET.
func CutBefore(http.Handler) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// CutAfter lets the request take effect and loses the answer.
func CutAfter(next http.Handler) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&kept{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	})
}

// Hang never answers: the caller has to give up. The upstream never sees the request.
func Hang(http.Handler) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		// A server notices that its client has gone only once it has read the request.
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	})
}

// Delay passes the request on after a while.
func Delay(d time.Duration) Strike {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Answer answers in the place of the upstream, which never sees the request.
func Answer(status int, contentType, body string) Strike {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
}

// Truncate lets the request take effect and breaks the answer off in the middle of its body.
func Truncate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		whole := &kept{header: http.Header{}}
		next.ServeHTTP(whole, r)
		maps.Copy(w.Header(), whole.header)
		w.Header().Set("Content-Length", strconv.Itoa(max(whole.body.Len(), 1)))
		w.WriteHeader(whole.status)
		_, _ = w.Write(whole.body.Bytes()[:whole.body.Len()/2])
		_ = http.NewResponseController(w).Flush() // or the connection would be cut before the half has left
		panic(http.ErrAbortHandler)
	})
}

// Before does something of the test's own when the request has come, and then goes on.
func Before(do func()) Strike {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			do()
			next.ServeHTTP(w, r)
		})
	}
}

// After does something of the test's own when the upstream has acted, before the caller hears of it.
func After(do func()) Strike {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(&halted{heard: heard{ResponseWriter: w}, do: do}, r)
		})
	}
}

// halted stops at the first word of an answer.
type halted struct {
	heard
	do func()
}

// WriteHeader does what is to be done, once.
func (h *halted) WriteHeader(status int) {
	if h.status == 0 && status >= http.StatusOK {
		h.do()
	}
	h.heard.WriteHeader(status)
}

// kept is an answer that goes nowhere yet.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is the answer's.
func (k *kept) Header() http.Header { return k.header }

// WriteHeader keeps the status.
func (k *kept) WriteHeader(status int) { k.status = status }

// Write keeps the body.
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }
