//go:build platform

package archive

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/local/engine"
)

// account is the local AWS, with the two keys of the archive.
var account struct {
	aws.Config
	backupKey, manifestKey string
}

func TestMain(m *testing.M) {
	code, err := onEngine(m.Run)
	if err != nil {
		panic(err)
	}
	os.Exit(code)
}

func onEngine(run func() int) (code int, err error) {
	dir, err := os.MkdirTemp("", "archive-test-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	ctx, cache := context.Background(), cmp.Or(os.Getenv("PMDR_CACHE"), filepath.Join("..", "..", ".cache"))
	python, err := engine.InstallEngine(ctx, cache, os.Stderr)
	if err != nil {
		return 0, err
	}
	e, err := engine.Start(ctx, engine.Options{Python: python, Dir: dir, Attached: true})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	account.Config = aws.Config{
		Region: engine.Region, BaseEndpoint: aws.String(e.Endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	for key, spec := range map[*string]kmstypes.KeySpec{
		&account.backupKey: kmstypes.KeySpecSymmetricDefault, &account.manifestKey: kmstypes.KeySpecEccNistP256,
	} {
		if *key, err = createKey(ctx, spec); err != nil {
			return 0, err
		}
	}
	return run(), nil
}

// createKey makes a key that wraps data keys, or one that signs.
func createKey(ctx context.Context, spec kmstypes.KeySpec) (arn string, err error) {
	in := &kms.CreateKeyInput{KeySpec: spec, KeyUsage: kmstypes.KeyUsageTypeEncryptDecrypt}
	if spec != kmstypes.KeySpecSymmetricDefault {
		in.KeyUsage = kmstypes.KeyUsageTypeSignVerify
	}
	out, err := kms.NewFromConfig(account.Config).CreateKey(ctx, in)
	if err != nil {
		return "", err
	}
	return *out.KeyMetadata.Arn, nil
}

// place is a bucket of the engine, and the store over it.
type place struct {
	*Store
	t      *testing.T
	client *s3.Client
}

func newPlace(t *testing.T) place {
	t.Helper()
	name := uuid.NewString()
	client := s3.NewFromConfig(account.Config)
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Bucket: name, BackupKey: account.backupKey, ManifestKey: account.manifestKey}
	return place{Open(account.Config, c, time.Now), t, client}
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
