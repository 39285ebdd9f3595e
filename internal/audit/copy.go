package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/penguinmails/disaster-recovery/internal/awsfault"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Store is what the trail needs of S3; *s3.Client fits.
type Store interface {
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// retention is how long a copy is locked, from its record's timestamp.
const retention = 400 * 24 * time.Hour

// CopyKey is the S3 key of a record's copy. Seq has twelve digits so that a listing is in the order of the stream.
func CopyKey(stream string, seq int64) string {
	return fmt.Sprintf("audit/records/%s/%012d.json", stream, seq)
}

// copy puts l's body under Object Lock, write-once. A copy that is already there must hold the same bytes.
func (t *Trail) copy(ctx context.Context, l link) error {
	key := CopyKey(l.record.Stream, l.record.Seq)
	sum := sha256.Sum256([]byte(l.body))
	_, err := t.Store.PutObject(ctx, &s3.PutObjectInput{
		Bucket:                    &t.Bucket,
		Key:                       &key,
		Body:                      strings.NewReader(l.body),
		ContentType:               aws.String("application/json"),
		ChecksumSHA256:            aws.String(base64.StdEncoding.EncodeToString(sum[:])),
		IfNoneMatch:               aws.String("*"),
		ObjectLockMode:            types.ObjectLockModeCompliance,
		ObjectLockRetainUntilDate: aws.Time(l.record.Timestamp.Add(retention)),
	})
	if awsfault.Status(err) == http.StatusPreconditionFailed {
		return t.compare(ctx, key, l.body)
	}
	return awsfault.From(err, "put %s", key)
}

func (t *Trail) compare(ctx context.Context, key, body string) error {
	object, err := t.Store.GetObject(ctx, &s3.GetObjectInput{Bucket: &t.Bucket, Key: &key})
	if err != nil {
		return awsfault.From(err, "get %s", key)
	}
	defer object.Body.Close()
	stored, err := io.ReadAll(io.LimitReader(object.Body, int64(len(body))+1))
	if err != nil {
		return awsfault.From(err, "read %s", key)
	}
	if !bytes.Equal(stored, []byte(body)) {
		return fault.AuditConflict.Errorf("%s holds other bytes than the record in the table", key)
	}
	return nil
}
