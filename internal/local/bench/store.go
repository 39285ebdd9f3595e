package bench

import (
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// store takes what the functions upload to S3 as fast as they can send it, so that they are measured and not the engine's
// S3. It speaks TLS, as S3 does, and knows uploads in one or several parts and reading them back; every upload is a
// version of its own. What it is told to swallow it reads and forgets.
type store struct {
	server *http.Server
	// Endpoint is where it answers.
	Endpoint string
	dir      string

	giving sync.WaitGroup // requests that read

	mu      sync.Mutex
	swallow bool
	uploads int
	parts   map[string][]part // by upload
	reads   []span
}

type part struct {
	number int
	file   string
	size   int64
}

// span is when something began and ended.
type span struct{ from, to time.Time }

func (s span) length() time.Duration { return s.to.Sub(s.from) }

// openStore starts a store that keeps its parts in dir.
func openStore(dir string, certificate tls.Certificate) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the store: %w", err)
	}
	s := &store{dir: dir, Endpoint: "https://" + listener.Addr().String(), parts: map[string][]part{}}
	s.server = &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	// HTTP/1.1 alone, as S3.
	secure := tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12,
	})
	go func() { _ = s.server.Serve(secure) }()
	return s, nil
}

func (s *store) stop() error { return s.server.Close() }

// Swallow sets whether uploads are forgotten, from the next one on.
func (s *store) Swallow(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.swallow = yes
}

// Reads are the spans in which objects were read, since the last call: from the request to its last byte.
func (s *store) Reads() []span {
	s.giving.Wait() // whoever has the last byte may be here before us
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.reads = nil }()
	return s.reads
}

// ServeHTTP answers the few requests of the S3 API that an archive makes of one object.
func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	upload := query.Get("uploadId")
	var err error
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		err = answer(w, "InitiateMultipartUploadResult", s.begin())
	case r.Method == http.MethodPut && upload != "":
		var number int
		if number, err = strconv.Atoi(query.Get("partNumber")); err == nil {
			err = s.take(w, r, upload, number)
		}
	case r.Method == http.MethodPost && upload != "":
		w.Header().Set("X-Amz-Version-Id", upload)
		err = answer(w, "CompleteMultipartUploadResult", upload)
	case r.Method == http.MethodDelete && upload != "":
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPut:
		upload = s.begin()
		w.Header().Set("X-Amz-Version-Id", upload)
		err = s.take(w, r, upload, 1)
	case r.Method == http.MethodGet && query.Get("versionId") != "":
		err = s.give(w, query.Get("versionId"))
	default:
		http.Error(w, "the store does not know this request", http.StatusNotImplemented)
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the function sees a connection that broke, and says so
	}
}

func answer(w io.Writer, name, upload string) error {
	return xml.NewEncoder(w).Encode(struct {
		XMLName  xml.Name
		UploadID string `xml:"UploadId"`
		ETag     string
	}{xml.Name{Local: name}, upload, `"` + upload + `"`})
}

func (s *store) begin() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uploads++
	return strconv.Itoa(s.uploads)
}

// take reads a part.
func (s *store) take(w http.ResponseWriter, r *http.Request, upload string, number int) error {
	var body io.Reader = r.Body
	if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		body = newChunks(r.Body)
	}
	s.mu.Lock()
	swallow := s.swallow
	s.mu.Unlock()
	w.Header().Set("ETag", strconv.Quote(upload+"-"+strconv.Itoa(number)))
	if swallow {
		_, err := io.Copy(io.Discard, body)
		return err
	}
	file, err := os.Create(filepath.Join(s.dir, upload+"."+strconv.Itoa(number)))
	if err != nil {
		return err
	}
	size, err := io.Copy(file, body)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parts[upload] = append(s.parts[upload], part{number, file.Name(), size})
	return nil
}

// give sends a version.
func (s *store) give(w http.ResponseWriter, version string) error {
	s.giving.Add(1)
	defer s.giving.Done()
	begun := time.Now()
	s.mu.Lock()
	parts := slices.Clone(s.parts[version])
	s.mu.Unlock()
	if len(parts) == 0 {
		http.Error(w, "<Error><Code>NoSuchVersion</Code></Error>", http.StatusNotFound)
		return nil
	}
	slices.SortFunc(parts, func(a, b part) int { return a.number - b.number })
	var size int64
	for _, p := range parts {
		size += p.size
	}
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	for _, p := range parts {
		if err := send(w, p.file); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = append(s.reads, span{begun, time.Now()})
	return nil
}

func send(w io.Writer, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(w, file)
	return err
}
