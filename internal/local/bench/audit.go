package bench

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/fault"
)

const (
	manyWriters = 50
	// appending is how long each number of writers appends.
	appending = 3 * time.Second
)

// audit measures appends to the trail, into the deployed tables and the bucket of the engine.
func (b *bench) audit(ctx context.Context) error {
	variables, err := b.variables(ctx, "record-audit")
	if err != nil {
		return err
	}
	cfg := b.AWS.Copy()
	// Each writer is a function of its own in production, and has connections of its own.
	cfg.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = manyWriters })
	trail := &audit.Trail{
		Database: dynamodb.NewFromConfig(cfg), Table: variables["AUDIT_TABLE"], Heads: variables["AUDIT_HEADS_TABLE"],
		Store: s3.NewFromConfig(cfg), Bucket: variables["BACKUP_BUCKET"], Now: time.Now,
	}
	own := func(writer int) string { return fmt.Sprintf("bench-%d", writer) }
	for _, c := range []struct {
		what    string
		writers int
		stream  func(int) string
		note    string
	}{
		{"audit appends, 1 writer", 1, own, "an append is two reads, a transaction of three items and a locked copy in S3; the engine's DynamoDB and S3, one Python process, bound it"},
		{fmt.Sprintf("audit appends, %d writers, a stream each", manyWriters), manyWriters, own, "bounded by the engine as well"},
		{fmt.Sprintf("audit appends, %d writers, one stream", manyWriters), manyWriters, func(int) string { return audit.Platform }, "one record of a stream is written at a time; the others read the head again"},
	} {
		var rate float64
		err := b.say.Step(c.what, func() (err error) {
			rate, err = appends(ctx, trail, c.writers, c.stream)
			return err
		})
		if err != nil {
			return err
		}
		b.report.add(row(c.what, rate, "/s").noted("%s.", c.note))
	}
	return nil
}

// appends lets so many writers append for a while, and gives how many records a second they made together. A writer that
// lost its race too often tries again, as a state machine does.
func appends(ctx context.Context, trail *audit.Trail, writers int, stream func(writer int) string) (float64, error) {
	var made atomic.Int64
	begun := time.Now()
	group, gctx := errgroup.WithContext(ctx)
	for writer := range writers {
		group.Go(func() error {
			for time.Since(begun) < appending {
				entry := audit.Entry{
					Stream: stream(writer), ID: uuid.NewString(), Event: audit.CredentialsRotated, ActorARN: audit.Unverified,
					Severity: audit.Warning, Details: []byte(`{"hostname":"mail.bench.example.org","version":7}`),
				}
				_, err := trail.Append(gctx, entry)
				for fault.Is(err, fault.AuditContended) {
					_, err = trail.Append(gctx, entry)
				}
				if err != nil {
					return err
				}
				made.Add(1)
			}
			return nil
		})
	}
	err := group.Wait()
	return float64(made.Load()) / time.Since(begun).Seconds(), err
}
