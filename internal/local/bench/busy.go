package bench

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// busy is how long somebody was at work: spans that overlap count once.
func busy(spans []span) time.Duration {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b span) int { return a.from.Compare(b.from) })
	var sum time.Duration
	var until time.Time
	for _, s := range spans {
		if s.from.Before(until) {
			s.from = until
		}
		if s.to.After(s.from) {
			sum, until = sum+s.length(), s.to
		}
	}
	return sum
}

// stopwatch notes when requests came and when they were answered.
type stopwatch struct {
	mu    sync.Mutex
	spans []span
}

// Strike is one for a proxy of the package faults, that does no harm.
func (s *stopwatch) Strike(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.spans = append(s.spans, span{begun, time.Now()})
		}()
		next.ServeHTTP(w, r)
	})
}

// Spans are those since the last call.
func (s *stopwatch) Spans() []span {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.spans = nil }()
	return s.spans
}

// auditLog is Vault's own: each request is in it when it came and when it was answered (Vault documentation, "Audit devices").
type auditLog struct {
	file string
	read int64                // how far
	came map[string]time.Time // requests that are not answered, by id
}

func newAuditLog(file string) *auditLog { return &auditLog{file: file, came: map[string]time.Time{}} }

// Spans are those of the requests that were answered since the last call.
func (l *auditLog) Spans() ([]span, error) {
	file, err := os.Open(l.file)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := json.NewDecoder(io.NewSectionReader(file, l.read, 1<<62))
	var spans []span
	for {
		var line struct {
			Time    time.Time
			Type    string
			Request struct{ ID string }
		}
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // the last line may be half written
			l.read += lines.InputOffset()
			return spans, nil
		}
		if err != nil {
			return nil, err
		}
		at, known := l.came[line.Request.ID]
		switch {
		case line.Type == "request":
			l.came[line.Request.ID] = line.Time
		case known:
			spans = append(spans, span{at, line.Time})
			delete(l.came, line.Request.ID)
		}
	}
}
