package tenant

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Ledger is what the budget needs of DynamoDB; *dynamodb.Client fits.
type Ledger interface {
	Database
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Limits bound what machines do without being asked. An outage of a whole region, or a probe gone blind, looks like
// every server dying at once; then people are called instead.
type Limits struct {
	Concurrent int // automatic recoveries at once
	PerHour    int // automatic recoveries started within any hour
}

// maxLimit keeps the ledger well below the 400 KB of a DynamoDB item.
const maxLimit = 500

// Validate refuses limits that the ledger cannot hold. 0 is a limit too: nothing starts.
func (l Limits) Validate() error {
	if l.Concurrent < 0 || l.PerHour < 0 || l.Concurrent > maxLimit || l.PerHour > maxLimit {
		return fmt.Errorf("a limit of the automation budget is not 0 to %d", maxLimit)
	}
	return nil
}

const (
	window = time.Hour
	// grace is how long a share is believed in before its execution is looked for: it is taken before the execution
	// starts.
	grace = 5 * time.Minute
)

// Budget is the automation budget of the installation, kept in the tenants' table. Only automatic recoveries take from
// it; what a person starts is not counted. Shares are not given back: when the budget is spent, those are looked for whose
// executions have ended.
type Budget struct {
	Registry   Registry // to see whether the tenant is suppressed, and who works for it
	Ledger     Ledger
	Executions Executions
	Restores   Restores
	Limits     Limits
	Now        func() time.Time
}

// Verdict says whether a recovery may start by itself.
type Verdict string

const (
	Granted     Verdict = "granted"
	UnderWay    Verdict = "under_way"   // an execution works for this tenant already
	Stopped     Verdict = "stopped"     // somebody stopped all automation
	Suppressed  Verdict = "suppressed"  // somebody stopped it for this tenant
	Restoring   Verdict = "restore"     // Vault is being restored
	TenantSpent Verdict = "tenant_hour" // this tenant had its recovery within the last hour
	TooMany     Verdict = "concurrent"  // as many recoveries run as may
	HourSpent   Verdict = "hour"        // as many started within the last hour as may
)

// share is one automatic recovery in the ledger.
type share struct {
	Execution string    `json:"execution"` // ARN
	TenantID  string    `json:"tenant_id"`
	TakenAt   time.Time `json:"taken_at"`
	Ended     bool      `json:"ended"` // it counts for the hour only
}

// Take takes a share for the execution that is about to recover the tenant. The execution is named by the ARN that it
// will have; one that has its share already is granted again while automation is on, so the caller may repeat it. No
// verdict but Granted changes anything. The stop switch, the tenant's own, and the ledger are held against each other in
// one transaction.
//
// Faults: InvalidInput, InvalidConfiguration, TenantUnknown, AWSUnavailable, AWSRefused.
func (b Budget) Take(ctx context.Context, tenantID, execution string) (Verdict, error) {
	if err := cmp.Or(checkID(tenantID), checkExecution(execution)); err != nil {
		return "", fault.InvalidInput.Tellf("%w", err)
	}
	if err := b.Limits.Validate(); err != nil {
		return "", fault.InvalidConfiguration.Tellf("%w", err)
	}
	var v Verdict
	err := untilSettled(ctx, "take from the budget", func() (settled bool, err error) {
		v, settled, err = b.take(ctx, tenantID, execution)
		return settled, err
	})
	if err != nil {
		return "", err
	}
	return v, nil
}

func (b Budget) take(ctx context.Context, tenantID, execution string) (v Verdict, settled bool, err error) {
	automation, err := b.Switch(ctx)
	if err != nil {
		return "", false, err
	}
	t, err := b.Registry.Find(ctx, tenantID)
	if err != nil {
		return "", false, err
	}
	old, err := b.read(ctx)
	if err != nil {
		return "", false, err
	}
	underWay, err := t.UnderWay(ctx, b.Executions)
	switch {
	case err != nil:
		return "", false, err
	case underWay && t.Lease.Holder != execution:
		return UnderWay, true, nil
	case automation.Stopped:
		return Stopped, true, nil
	case t.Suppressed:
		return Suppressed, true, nil
	case old.has(execution):
		return Granted, true, nil
	}
	if err := b.Restores.Guard(ctx); err != nil {
		if fault.Is(err, fault.RestoreUnderway) {
			return Restoring, true, nil
		}
		return "", false, err
	}
	now := b.Now().UTC()
	shares := old.since(now.Add(-window))
	v = b.Limits.verdict(shares, tenantID, now)
	if v == TooMany {
		if shares, err = b.withoutEnded(ctx, shares, now); err != nil {
			return "", false, err
		}
		v = b.Limits.verdict(shares, tenantID, now)
	}
	if v != Granted {
		return v, true, nil
	}
	next := append(shares, share{Execution: execution, TenantID: tenantID, TakenAt: now})
	settled, err = b.replace(ctx, old, next, tenantID)
	return Granted, settled, err
}

// verdict holds the shares against the limits; those of more than an hour ago are among them only while they run.
func (l Limits) verdict(shares []share, tenantID string, now time.Time) Verdict {
	hourAgo := now.Add(-window)
	running, recent := 0, 0
	for _, s := range shares {
		if !s.Ended {
			running++
		}
		if s.TakenAt.After(hourAgo) {
			recent++
			if s.TenantID == tenantID {
				return TenantSpent
			}
		}
	}
	switch {
	case recent >= l.PerHour:
		return HourSpent
	case running >= l.Concurrent:
		return TooMany
	}
	return Granted
}

// withoutEnded marks the shares of executions that have ended.
func (b Budget) withoutEnded(ctx context.Context, shares []share, now time.Time) ([]share, error) {
	shares = slices.Clone(shares)
	for i, s := range shares {
		if s.Ended || now.Sub(s.TakenAt) < grace {
			continue
		}
		running, err := b.Executions.Running(ctx, s.Execution)
		if err != nil {
			return nil, err
		}
		shares[i].Ended = !running
	}
	return shares, nil
}

// maxARN is the longest ARN of an execution in bytes: 256 by Step Functions' own reference.
const maxARN = 256

func checkExecution(arn string) error { return checkText("execution", arn, maxARN) }
