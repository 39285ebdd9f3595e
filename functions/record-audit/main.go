// RecordAudit appends one record to the audit trail; no other step writes it.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/penguinmails/disaster-recovery/internal/audit"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

type environment struct {
	Table  string `env:"AUDIT_TABLE,required"`
	Heads  string `env:"AUDIT_HEADS_TABLE,required"`
	Bucket string `env:"BACKUP_BUCKET,required"`
}

func wire(_ context.Context, cfg aws.Config, e environment) (task.Handler[audit.Request, audit.Receipt], error) {
	trail := &audit.Trail{
		Database: dynamodb.NewFromConfig(cfg),
		Table:    e.Table,
		Heads:    e.Heads,
		Store:    s3.NewFromConfig(cfg),
		Bucket:   e.Bucket,
		Now:      time.Now,
	}
	return trail.Record, nil
}

func main() { task.Start(wire) }
