package archive

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/signing"
)

// bucket is a versioned S3 bucket with Object Lock, in memory and over HTTP, as far as small objects go; what S3 does
// with large ones is tested on the engine. It counts times in whole seconds and lists two versions a page.
type bucket struct {
	t        *testing.T
	mu       sync.Mutex
	now      time.Time // the clock of S3 and of the store alike
	versions []*object // oldest first
	written  int
	calls    []string // "PUT key", …

	keys   *keyring
	refuse map[string]int // key -> status that GET answers
	cut    map[string]int // key -> bytes after which a GET breaks off
	lose   bool           // what is put is not kept
}

type object struct {
	key, id  string
	marker   bool
	body     []byte
	modified time.Time
	until    time.Time // end of the lock
}

// newStore opens a store over a bucket and keys of its own.
func newStore(t *testing.T) (*Store, *bucket) {
	b := &bucket{t: t, now: newYear, refuse: map[string]int{}, cut: map[string]int{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	s := Open(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}, Config{Bucket: "backups"}, b.clock)
	b.keys = newKeyring(t)
	s.keys.Client, s.signer.KMS, s.verifier = b.keys, b.keys, signing.FromKMS(b.keys, "")
	return s, b
}

func (b *bucket) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// pass moves the clock on.
func (b *bucket) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

// put lays an object into the bucket, past the store and without a lock.
func (b *bucket) put(key string, body []byte) (id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.add(&object{key: key, body: body})
}

// remove hides a key behind a delete marker, which no lock prevents.
func (b *bucket) remove(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(&object{key: key, marker: true})
}

// forget takes every version of a key away, locked or not.
func (b *bucket) forget(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.versions = slices.DeleteFunc(b.versions, func(o *object) bool { return o.key == key })
}

// all lists the keys of every version that is no marker, oldest first.
func (b *bucket) all() (keys []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range b.versions {
		if !o.marker {
			keys = append(keys, o.key)
		}
	}
	return keys
}

// find returns a version; an empty id means the latest.
func (b *bucket) find(key, id string) *object {
	for _, o := range slices.Backward(b.versions) {
		if o.key == key && (id == "" || o.id == id) {
			return o
		}
	}
	return nil
}

func (b *bucket) add(o *object) (id string) {
	b.written++
	o.id = fmt.Sprintf("v%d", b.written)
	o.modified = b.now.Truncate(time.Second)
	b.versions = append(b.versions, o)
	return o.id
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key, _ := strings.CutPrefix(r.URL.Path, "/backups")
	key = strings.TrimPrefix(key, "/")
	query := r.URL.Query()
	b.calls = append(b.calls, r.Method+" "+key)
	switch {
	case r.Method == http.MethodGet && query.Has("versions"):
		b.list(w, query.Get("prefix"), query.Get("version-id-marker"))
	case r.Method == http.MethodGet:
		b.get(w, key, query.Get("versionId"))
	case r.Method == http.MethodPut:
		b.store(w, r, key)
	case r.Method == http.MethodDelete && query.Has("versionId"):
		b.delete(w, key, query.Get("versionId"))
	default:
		b.t.Errorf("a call that this bucket does not know: %s %s", r.Method, r.URL)
		fail(w, http.StatusNotImplemented, "NotImplemented")
	}
}

func (b *bucket) store(w http.ResponseWriter, r *http.Request, key string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Errorf("PUT %s: %v", key, err)
	}
	if sent := r.Header.Get("X-Amz-Checksum-Sha256"); sent != "" {
		if sum := sha256.Sum256(body); sent != base64.StdEncoding.EncodeToString(sum[:]) {
			fail(w, http.StatusBadRequest, "BadDigest")
			return
		}
	}
	if last := b.find(key, ""); r.Header.Get("If-None-Match") == "*" && last != nil && !last.marker {
		fail(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	o := &object{key: key, body: body}
	if r.Header.Get("X-Amz-Object-Lock-Mode") == "COMPLIANCE" {
		o.until, err = time.Parse(time.RFC3339, r.Header.Get("X-Amz-Object-Lock-Retain-Until-Date"))
		if err != nil || !o.until.After(b.now) {
			fail(w, http.StatusBadRequest, "InvalidArgument")
			return
		}
	}
	if b.lose {
		return
	}
	w.Header().Set("X-Amz-Version-Id", b.add(o))
}

func (b *bucket) get(w http.ResponseWriter, key, id string) {
	o := b.find(key, id)
	switch status := b.refuse[key]; {
	case status != 0:
		fail(w, status, "Refused")
	case b.find(key, "") == nil:
		fail(w, http.StatusNotFound, "NoSuchKey")
	case o == nil:
		fail(w, http.StatusNotFound, "NoSuchVersion")
	default:
		w.Header().Set("Content-Length", strconv.Itoa(len(o.body)))
		body := o.body
		if n, broken := b.cut[key]; broken {
			body = body[:min(n, len(body))]
		}
		_, _ = w.Write(body) // shorter than announced: the client sees the connection break
	}
}

func (b *bucket) delete(w http.ResponseWriter, key, id string) {
	if o := b.find(key, id); o != nil {
		if b.now.Before(o.until) {
			fail(w, http.StatusForbidden, "AccessDenied")
			return
		}
		b.versions = slices.DeleteFunc(b.versions, func(v *object) bool { return v == o })
	}
	w.WriteHeader(http.StatusNoContent)
}

// list answers in S3's order: by key, and the versions of a key newest first.
func (b *bucket) list(w http.ResponseWriter, prefix, after string) {
	type entry struct{ Key, VersionId, LastModified string }
	var answer struct {
		XMLName             xml.Name `xml:"ListVersionsResult"`
		Version             []entry
		DeleteMarker        []entry
		IsTruncated         bool
		NextKeyMarker       string
		NextVersionIdMarker string
	}
	all := slices.Clone(b.versions)
	slices.Reverse(all)
	slices.SortStableFunc(all, func(x, y *object) int { return strings.Compare(x.key, y.key) })
	all = slices.DeleteFunc(all, func(o *object) bool { return !strings.HasPrefix(o.key, prefix) })
	if i := slices.IndexFunc(all, func(o *object) bool { return o.id == after }); i >= 0 {
		all = all[i+1:]
	}
	for _, o := range all[:min(2, len(all))] {
		e := entry{o.key, o.id, o.modified.Format("2006-01-02T15:04:05.000Z")}
		if o.marker {
			answer.DeleteMarker = append(answer.DeleteMarker, e)
		} else {
			answer.Version = append(answer.Version, e)
		}
		answer.NextKeyMarker, answer.NextVersionIdMarker = o.key, o.id
	}
	answer.IsTruncated = len(all) > 2
	if err := xml.NewEncoder(w).Encode(answer); err != nil {
		b.t.Error(err)
	}
}

func fail(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
}

// read reads an object of the store to its end.
func read(ctx context.Context, s *Store, o Object) (plain []byte, err error) {
	err = s.Read(ctx, o, func(_ sealed.Header, r io.Reader) error {
		plain, err = io.ReadAll(r)
		return err
	})
	return plain, err
}
