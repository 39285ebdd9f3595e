// Package restore brings Vault back from a backup: it selects a signed one, looks at what is left of Vault, seeds an
// empty node, unseals it, and proves every secret. Each file is one step of the vault-restore runbook.
package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/archive"
	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/sealed"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// Request starts the runbook.
type Request struct {
	// BackupDate is a day ("2026-11-22"), a month ("2026-10"), a slot as notices name it ("on-demand/20261124T061500Z"),
	// or "latest".
	BackupDate string `json:"backup_date"`
	// Mode is empty, or "plan": then nothing is changed, and the answer says what would be.
	Mode string `json:"mode"`
	// Force restores over a sealed Vault too, where opening it would do; with an approval, as over one that is alive.
	Force       bool   `json:"force"`
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"`
}

// planOnly is the mode of a request that changes nothing.
const planOnly = "plan"

// SelectInput is what the state machine hands to SelectBackup: the start input whole, and the execution.
type SelectInput struct {
	Input     json.RawMessage `json:"input"`
	Execution task.Execution  `json:"execution"`
}

// Validate checks the part that the state machine itself fills.
func (in SelectInput) Validate() error { return in.Execution.Validate() }

// ExecutionARN is the execution that was started with the input.
func (in SelectInput) ExecutionARN() string { return in.Execution.ARN }

// Backup is the backup that was selected; every later step takes it.
type Backup struct {
	// Tampered names the slots, of the tiers that were looked at, whose manifest somebody else has touched; empty where
	// there is none. None of it was selected, and people hear of it with the restore.
	Tampered string `json:"tampered"`

	Slot           archive.Slot   `json:"slot"`
	BackupDate     string         `json:"backup_date"`
	ManifestSHA256 string         `json:"manifest_sha256"`
	CapturedAt     time.Time      `json:"captured_at"`
	VerifiedAt     time.Time      `json:"verified_at"`
	Snapshot       archive.Object `json:"snapshot"`
	Inventory      archive.Object `json:"inventory"`
	Vault          sealed.Vault   `json:"vault"`
	Secrets        int            `json:"secrets"`
	Plan           bool           `json:"plan"` // nothing is to be changed
	Force          bool           `json:"force"`
	Reason         string         `json:"reason"`
	RequestedBy    string         `json:"requested_by"`
}

// Archive is what restoring asks of the archive.
type Archive interface {
	Survey(context.Context, archive.Tier) (archive.Survey, error)
	Read(context.Context, archive.Object, func(sealed.Header, io.Reader) error) error
}

// Others knows the other restores; hold.Restores does.
type Others interface {
	// Alone is RestoreUnderway while another one runs that began before this one.
	Alone(ctx context.Context, this task.Execution) error
}

// Selector is the step SelectBackup.
type Selector struct {
	Archive Archive
	Others  Others
}

// Select validates the request and finds the signed backup it asks for, unless an older restore runs. It touches nothing. A date without a backup is
// BackupNotFound, and the fault names the dates there are; a date whose only manifest does not hold is BackupForged, and
// so is "latest" where no manifest at all holds.
func (s Selector) Select(ctx context.Context, in SelectInput) (Backup, error) {
	var r Request
	if err := strictjson.Unmarshal(in.Input, &r); err != nil {
		return Backup{}, fault.InvalidInput.Tellf("%w", err)
	}
	want, err := r.slot()
	if err != nil {
		return Backup{}, fault.InvalidInput.Tellf("%w", err)
	}
	if r.Mode != planOnly {
		if err := s.Others.Alone(ctx, in.Execution); err != nil {
			return Backup{}, err
		}
	}
	found, tampered, err := s.signed(ctx, r.BackupDate, want)
	if err != nil {
		return Backup{}, err
	}
	return Backup{
		Slot: found.Slot, BackupDate: found.Slot.BackupDate(), ManifestSHA256: found.SHA256,
		CapturedAt: found.CapturedAt, VerifiedAt: found.VerifiedAt,
		Snapshot: found.Snapshot, Inventory: found.Inventory, Vault: found.Vault, Secrets: found.Secrets,
		Plan: r.Mode == planOnly, Force: r.Force, Reason: r.Reason, RequestedBy: r.RequestedBy,
		Tampered: archive.Names(tampered),
	}, nil
}

// signed finds the signed backup of a slot, or for the date "latest" the newest of all. What was saved before a restore is
// not among these: it is the state that somebody chose to leave. With it come the slots, of the tiers that were looked at,
// whose manifest somebody else has touched.
func (s Selector) signed(ctx context.Context, date string, want archive.Slot) (*archive.Signed, []archive.Slot, error) {
	tiers := []archive.Tier{want.Tier}
	if date == latest {
		// A monthly one is a copy of a daily one; it counts when the daily one is gone.
		tiers = slices.DeleteFunc(archive.Tiers(), func(tier archive.Tier) bool { return tier == archive.PreRestore })
	}
	wanted := func(slot archive.Slot) bool { return slot == want || date == latest }
	var found *archive.Signed
	var forged error
	var tampered []archive.Slot
	for _, tier := range tiers {
		there, err := s.Archive.Survey(ctx, tier)
		if err != nil {
			return nil, nil, err
		}
		tampered = append(tampered, there.Tampered...)
		for slot, why := range there.Forged {
			if wanted(slot) {
				forged = why
			}
		}
		for _, b := range there.Backups {
			if wanted(b.Slot) && (found == nil || b.CapturedAt.After(found.CapturedAt)) {
				found = &b
			}
		}
	}
	switch {
	case found == nil && forged != nil:
		return nil, nil, forged
	case found == nil:
		return nil, nil, s.notFound(ctx, date)
	}
	return found, tampered, nil
}

const (
	latest  = "latest"
	maxText = 256
	// maxNamed bounds how many dates a fault names.
	maxNamed = 20
)

// slot reads the backup_date; for "latest" it is the zero slot.
func (r Request) slot() (archive.Slot, error) {
	if len(r.Reason) > maxText || len(r.RequestedBy) > maxText {
		return archive.Slot{}, fmt.Errorf("reason and requested_by hold at most %d bytes", maxText)
	}
	if r.Mode != "" && r.Mode != planOnly {
		return archive.Slot{}, fmt.Errorf("mode is neither left out nor %q", planOnly)
	}
	switch r.BackupDate {
	case "":
		return archive.Slot{}, errors.New(`backup_date is missing: a date such as "2026-11-22" or "2026-10", or "latest"`)
	case latest:
		return archive.Slot{}, nil
	}
	for _, prefix := range []string{archive.Daily.Prefix(), archive.Monthly.Prefix(), ""} {
		if slot, err := archive.ParseSlot(prefix + r.BackupDate); err == nil {
			return slot, nil
		}
	}
	return archive.Slot{}, errors.New(`backup_date is neither a date such as "2026-11-22" or "2026-10", nor a slot, nor "latest"`)
}

func (s Selector) notFound(ctx context.Context, date string) error {
	var names []string
	for _, tier := range archive.Tiers() {
		there, err := s.Archive.Survey(ctx, tier)
		if err != nil {
			return err
		}
		for _, b := range there.Backups {
			names = append(names, b.Slot.BackupDate())
		}
	}
	switch {
	case len(names) == 0:
		return fault.BackupNotFound.Tellf("asked for %s; there is no verified backup at all", date)
	case len(names) > maxNamed:
		return fault.BackupNotFound.Tellf("asked for %s; there are %s and %d more",
			date, strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
	}
	return fault.BackupNotFound.Tellf("asked for %s; there are %s", date, strings.Join(names, ", "))
}
