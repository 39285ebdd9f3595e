package bench

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/penguinmails/disaster-recovery/internal/local/vaultserver"
)

// newStore starts a store, and a client of it as the functions are ones.
func newStore(t *testing.T) (*store, *s3.Client) {
	t.Helper()
	authority, err := vaultserver.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.LoadX509KeyPair(authority.CertFile, authority.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openStore(t.TempDir(), certificate)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.stop() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.CAPEM)
	return s, s3.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: &s.Endpoint, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}},
	})
}

// What is uploaded as the archive uploads it comes back, in one part and in several.
func TestStoreGivesBackWhatItTook(t *testing.T) {
	const partSize = 5 << 20 // the least that S3 takes
	s, client := newStore(t)
	uploader := transfermanager.New(client, func(o *transfermanager.Options) {
		o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency = partSize, partSize, 2
	})
	versions := map[string]bool{}
	for _, size := range []int{1, 100_000, 3*partSize + 17} {
		content := make([]byte, size)
		rand.NewChaCha8([32]byte{}).Read(content)
		out, err := uploader.UploadObject(t.Context(), &transfermanager.UploadObjectInput{
			Bucket: aws.String("b"), Key: aws.String("k"), Body: io.MultiReader(bytes.NewReader(content)), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		})
		if err != nil {
			t.Fatal(err)
		}
		versions[aws.ToString(out.VersionID)] = true
		got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), VersionId: out.VersionID})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(got.Body)
		if err != nil || !bytes.Equal(body, content) {
			t.Errorf("%d bytes were sent, %d other ones come back, %v", size, len(body), err)
		}
	}
	if len(versions) != 3 || versions[""] {
		t.Errorf("three uploads have the versions %v", versions)
	}
	if reads := s.Reads(); len(reads) != 3 || reads[0].length() <= 0 || reads[1].from.Before(reads[0].to) {
		t.Errorf("three objects were read, one after the other: %v", reads)
	}
	if again := s.Reads(); len(again) != 0 {
		t.Errorf("%d reads are told twice", len(again))
	}
}

func TestStoreSwallows(t *testing.T) {
	s, client := newStore(t)
	s.Swallow(true)
	out, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), Body: bytes.NewReader([]byte("gone"))})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), VersionId: out.VersionId})
	var answer interface{ HTTPStatusCode() int }
	if !errors.As(err, &answer) || answer.HTTPStatusCode() != http.StatusNotFound {
		t.Errorf("what was swallowed is %v", err)
	}
}

func TestChunksThatAreNone(t *testing.T) {
	for name, body := range map[string]string{
		"nothing": "", "no length": "5", "cut": "5\r\nabc", "no end": "3\r\nabc", "no last chunk": "3\r\nabc\r\n", "negative": "-3\r\nabc\r\n0\r\n", "words": "three\r\nabc",
	} {
		if got, err := io.ReadAll(newChunks(bytes.NewReader([]byte(body)))); err == nil {
			t.Errorf("%s: %q is read without an error", name, got)
		}
	}
}
