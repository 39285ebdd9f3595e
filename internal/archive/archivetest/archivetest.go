// Package archivetest gives tests a local AWS with the keys and buckets of an archive: for those of the archive itself,
// and of what stands on it. It does not know the archive's own types, so that the archive's tests can use it too.
package archivetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/local/engine"
)

// The account that Main started: its configuration, and the ARNs of the two keys of an archive.
var (
	AWS         aws.Config
	BackupKey   string
	ManifestKey string
)

// Main is a package's TestMain: it runs the tests beside an engine that ends with them.
func Main(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "archivetest:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "archivetest-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	cache, err := cacheDir()
	if err != nil {
		return 0, err
	}
	ctx := context.Background()
	python, err := engine.InstallEngine(ctx, cache, os.Stderr)
	if err != nil {
		return 0, err
	}
	e, err := engine.Start(ctx, engine.Options{Python: python, Dir: dir, Attached: true})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	AWS = e.AWS()
	if BackupKey, err = createKey(ctx, types.KeySpecSymmetricDefault, types.KeyUsageTypeEncryptDecrypt); err != nil {
		return 0, err
	}
	if ManifestKey, err = createKey(ctx, types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// cacheDir is PMDR_CACHE, or .cache at the repository's root: where the engine's packages are installed once.
func cacheDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return cmp.Or(os.Getenv("PMDR_CACHE"), filepath.Join(dir, ".cache")), nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the tests run outside the repository")
		}
	}
}

// WrappingKey makes another symmetric key and returns its ARN.
func WrappingKey(t *testing.T) string {
	t.Helper()
	return key(t, types.KeySpecSymmetricDefault, types.KeyUsageTypeEncryptDecrypt)
}

// SigningKey makes another key that signs and returns its ARN.
func SigningKey(t *testing.T) string {
	t.Helper()
	return key(t, types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify)
}

func key(t *testing.T, spec types.KeySpec, usage types.KeyUsageType) string {
	t.Helper()
	arn, err := createKey(t.Context(), spec, usage)
	if err != nil {
		t.Fatal(err)
	}
	return arn
}

// Bucket makes a bucket with Object Lock and returns its name.
func Bucket(t *testing.T) string {
	t.Helper()
	name := uuid.NewString()
	_, err := s3.NewFromConfig(AWS).CreateBucket(t.Context(), &s3.CreateBucketInput{
		Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func createKey(ctx context.Context, spec types.KeySpec, usage types.KeyUsageType) (arn string, err error) {
	out, err := kms.NewFromConfig(AWS).CreateKey(ctx, &kms.CreateKeyInput{KeySpec: spec, KeyUsage: usage})
	if err != nil {
		return "", err
	}
	return *out.KeyMetadata.Arn, nil
}
