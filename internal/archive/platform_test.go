//go:build platform

package archive

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/penguinmails/disaster-recovery/internal/archive/archivetest"
)

func TestMain(m *testing.M) { archivetest.Main(m) }

// place is a bucket of the engine, and the store over it.
type place struct {
	*Store
	t      *testing.T
	client *s3.Client
}

func newPlace(t *testing.T) place {
	t.Helper()
	c := Config{Bucket: archivetest.Bucket(t), BackupKey: archivetest.BackupKey, ManifestKey: archivetest.ManifestKey}
	return place{Open(archivetest.AWS, c, time.Now), t, s3.NewFromConfig(archivetest.AWS)}
}

// put lays an object there past the store, locked until then unless that is zero.
func (p place) put(key string, body []byte, until time.Time) (id string) {
	p.t.Helper()
	in := &s3.PutObjectInput{Bucket: &p.bucket, Key: &key, Body: bytes.NewReader(body)}
	if !until.IsZero() {
		in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockModeCompliance, &until
	}
	out, err := p.client.PutObject(p.t.Context(), in)
	if err != nil {
		p.t.Fatal(err)
	}
	return *out.VersionId
}

// remove hides a key behind a delete marker.
func (p place) remove(key string) {
	p.t.Helper()
	if _, err := p.client.DeleteObject(p.t.Context(), &s3.DeleteObjectInput{Bucket: &p.bucket, Key: &key}); err != nil {
		p.t.Fatal(err)
	}
}

// body is what lies under a version.
func (p place) body(key, id string) []byte {
	p.t.Helper()
	out, err := p.client.GetObject(p.t.Context(), &s3.GetObjectInput{Bucket: &p.bucket, Key: &key, VersionId: &id})
	if err != nil {
		p.t.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return body
}

// lock is how long a version is still locked for.
func (p place) lock(key, id string) time.Duration {
	p.t.Helper()
	head, err := p.client.HeadObject(p.t.Context(), &s3.HeadObjectInput{Bucket: &p.bucket, Key: &key, VersionId: &id})
	if err != nil {
		p.t.Fatal(err)
	}
	if head.ObjectLockMode != types.ObjectLockModeCompliance {
		return 0
	}
	return time.Until(*head.ObjectLockRetainUntilDate)
}

// left counts the versions that lie there and the uploads that were begun.
func (p place) left() (versions, uploads int) {
	p.t.Helper()
	v, err := p.client.ListObjectVersions(p.t.Context(), &s3.ListObjectVersionsInput{Bucket: &p.bucket})
	if err != nil {
		p.t.Fatal(err)
	}
	u, err := p.client.ListMultipartUploads(p.t.Context(), &s3.ListMultipartUploadsInput{Bucket: &p.bucket})
	if err != nil {
		p.t.Fatal(err)
	}
	return len(v.Versions), len(u.Uploads)
}
