// Package backup takes a backup of Vault: it plans the slot, captures inventory and snapshot, proves what lies in the
// bucket, promotes the first of a month, and prunes what is old. Each file but this package's helpers is one step of the
// vault-backup runbook.
package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// Request starts the runbook: what the rule sends, and what an operator types.
type Request struct {
	// Tier is daily (the rule, or a repeat of it by hand), on-demand, or on-change.
	Tier archive.Tier `json:"tier"`
	// ScheduledTime is the rule's time, RFC 3339; required for daily and for no other tier.
	ScheduledTime string `json:"scheduled_time"`
	// Mode is empty, or "plan": then nothing is written, and the answer says what would be.
	Mode        string `json:"mode"`
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"`
}

// planOnly is the mode of a request that changes nothing.
const planOnly = "plan"

// PlanInput is what the state machine hands to PlanBackup: the start input whole, and the execution.
type PlanInput struct {
	Input     json.RawMessage `json:"input"`
	Execution task.Execution  `json:"execution"`
}

// Validate checks the part that the state machine itself fills.
func (in PlanInput) Validate() error { return in.Execution.Validate() }

// ExecutionARN is the execution that was started with the input.
func (in PlanInput) ExecutionARN() string { return in.Execution.ARN }

// Plan is the normalised request; every later step takes it.
type Plan struct {
	Tier archive.Tier `json:"tier"`
	Slot archive.Slot `json:"slot"`
	// CaptureID is the same for every attempt of one execution.
	CaptureID string `json:"capture_id"`
	// PromoteTo is the monthly slot that this backup will also fill, or empty.
	PromoteTo   archive.Slot `json:"promote_to"`
	Reason      string       `json:"reason"`
	RequestedBy string       `json:"requested_by"`
	// AlreadyVerified: the slot holds a signed backup; there is nothing to do.
	AlreadyVerified bool `json:"already_verified"`
	// Only: this is all that was asked for.
	Only bool `json:"plan_only"`
}

// Manifests is what planning asks of the archive.
type Manifests interface {
	Manifest(context.Context, archive.Slot) (archive.Signed, bool, error)
}

// Planner is the step PlanBackup.
type Planner struct {
	Manifests Manifests
	Now       func() time.Time
}

// captures is the UUID namespace of capture ids.
var captures = uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:penguinmails:dr:capture"))

// maxAge bounds how far a daily slot's scheduled time may lie in the past: an older date must not be given to today's
// data. maxSkew is how far clocks may differ.
const (
	maxAge  = 24 * time.Hour
	maxSkew = 5 * time.Minute
	maxText = 256
)

// Plan validates the request and names the slot. It writes nothing.
func (p Planner) Plan(ctx context.Context, in PlanInput) (Plan, error) {
	var r Request
	if err := strictjson.Unmarshal(in.Input, &r); err != nil {
		return Plan{}, fault.InvalidInput.Tellf("%w", err)
	}
	at, err := r.at(p.Now(), in.Execution.StartedAt)
	if err != nil {
		return Plan{}, fault.InvalidInput.Tellf("%w", err)
	}
	plan := Plan{
		Tier:        r.Tier,
		Slot:        archive.SlotAt(r.Tier, at),
		CaptureID:   uuid.NewSHA1(captures, []byte(in.Execution.ARN+"\n"+in.Execution.StartedAt.UTC().Format(time.RFC3339Nano))).String(),
		Reason:      r.Reason,
		RequestedBy: r.RequestedBy,
		Only:        r.Mode == planOnly,
	}
	if plan.Slot, plan.AlreadyVerified, err = p.free(ctx, plan.Slot, in.Execution.ARN); err != nil {
		return Plan{}, err
	}
	if r.Tier == archive.Daily {
		month := archive.SlotAt(archive.Monthly, at)
		_, taken, err := p.manifest(ctx, month)
		if err != nil {
			return Plan{}, err
		}
		if !taken {
			plan.PromoteTo = month
		}
	}
	return plan, nil
}

// free finds the slot to fill. A day is backed up once. Whatever else was asked for is taken, because something changed
// since: where another execution holds the slot, the next free one is used.
func (p Planner) free(ctx context.Context, slot archive.Slot, execution string) (free archive.Slot, verified bool, err error) {
	for {
		there, found, err := p.manifest(ctx, slot)
		switch {
		case err != nil:
			return slot, false, err
		case !found:
			return slot, false, nil
		case slot.Tier == archive.Daily || there.Execution == execution:
			return slot, true, nil
		}
		slot = slot.Next()
	}
}

// manifest finds the manifest that makes the slot a backup. A file that only lies under its name makes none, and must not
// keep one from being taken; PruneBackups tells people of it.
func (p Planner) manifest(ctx context.Context, slot archive.Slot) (archive.Signed, bool, error) {
	there, found, err := p.Manifests.Manifest(ctx, slot)
	if fault.Is(err, fault.BackupForged) {
		return archive.Signed{}, false, nil
	}
	return there, found, err
}

// at validates the request and returns the moment that names its slot.
func (r Request) at(now, started time.Time) (time.Time, error) {
	if len(r.Reason) > maxText || len(r.RequestedBy) > maxText {
		return time.Time{}, fmt.Errorf("reason and requested_by hold at most %d bytes", maxText)
	}
	if r.Mode != "" && r.Mode != planOnly {
		return time.Time{}, fmt.Errorf("mode is neither left out nor %q", planOnly)
	}
	switch r.Tier {
	case archive.OnDemand, archive.OnChange:
		if r.ScheduledTime != "" {
			return time.Time{}, errors.New("scheduled_time belongs to the daily tier only")
		}
		return started, nil
	case archive.Daily:
		at, err := time.Parse(time.RFC3339, r.ScheduledTime)
		switch {
		case r.ScheduledTime == "":
			return time.Time{}, errors.New("scheduled_time is missing: the daily tier needs the rule's time, RFC 3339")
		case err != nil:
			return time.Time{}, errors.New("scheduled_time is not a time in RFC 3339, such as 2026-11-24T02:00:00Z")
		case at.After(now.Add(maxSkew)):
			return time.Time{}, errors.New("scheduled_time lies in the future")
		case at.Before(now.Add(-maxAge)):
			return time.Time{}, errors.New("scheduled_time is more than 24 hours old: take an on-demand backup instead")
		}
		return at, nil
	case "":
		return time.Time{}, errors.New("tier is missing: daily, on-demand or on-change")
	}
	return time.Time{}, errors.New("tier is none of daily, on-demand, on-change")
}
