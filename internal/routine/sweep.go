// Package routine rotates mail passwords by their age: each secret's rotation_policy says how long it may be the current one.
// Vault is asked, for only Vault knows; what is read there holds the password as ciphertext, and the step cannot open it.
//
// Nobody is rotated unannounced. A tenant is told a week before, once for each date, and the date that was told stands in the
// registry; whoever is overdue when routine rotation is turned on is told first, too. From that date on every sweep starts
// the rotation until Vault holds a younger credential.
package routine

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/launch"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// Input is the payload of SweepCredentials.
type Input struct {
	// ScheduledTime is that of the rule's event: an event that is delivered twice starts nothing twice.
	ScheduledTime time.Time `json:"scheduled_time"`
}

// Validate refuses a sweep without its time.
func (in Input) Validate() error {
	if in.ScheduledTime.IsZero() {
		return errors.New("scheduled_time is missing")
	}
	return nil
}

// Swept is what a sweep found and did.
type Swept struct {
	// Held: automation is stopped, or Vault is being restored; nothing was looked at.
	Held      bool `json:"held"`
	Tenants   int  `json:"tenants"`
	Announced int  `json:"announced"`
	Started   int  `json:"started"`
	// Waiting are due and were not started: a recovery works for them, or enough others were.
	Waiting int `json:"waiting"`
	// Missing are those of whom Vault holds no credential.
	Missing int `json:"missing"`
}

// Tenants lists the registry.
type Tenants interface {
	Tenants(context.Context) ([]tenant.Tenant, error)
}

// Automation reads the stop switch.
type Automation interface {
	Switch(context.Context) (tenant.Switch, error)
}

// Letters tell a tenant for when a rotation is planned.
type Letters interface {
	RotationAhead(ctx context.Context, tenantID string, due time.Time) error
}

// Notes are kept in the registry.
type Notes interface {
	// NoteRotation notes for when a rotation was announced.
	NoteRotation(ctx context.Context, tenantID string, due time.Time) error
}

// Sweeper is the function SweepCredentials.
type Sweeper struct {
	Tenants    Tenants
	Automation Automation
	Restores   tenant.Restores
	Executions tenant.Executions
	Login      Login
	Letters    Letters
	Notes      Notes
	Machine    launch.Machine // credential-rotation
}

const (
	// ahead is how long before its rotation a tenant is told.
	ahead = 7 * day
	// mostAtOnce bounds what one sweep starts: six hundred in a day.
	mostAtOnce = 25
	// workers read Vault at once.
	workers = 16
)

// request is the input of credential-rotation, as far as the sweep says anything.
type request struct {
	TenantID    string `json:"tenant_id"`
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"`
}

// Sweep announces what is due within a week, and starts what is due and was announced. It does nothing while automation is
// stopped or Vault is being restored, and leaves alone whom people have in hand and whose server is being recovered.
//
// Faults: InvalidInput, those of the login; VaultUnreachable and VaultRefused; AWSUnavailable and AWSRefused.
func (s Sweeper) Sweep(ctx context.Context, in Input) (Swept, error) {
	held, err := s.held(ctx)
	if err != nil || held {
		return Swept{Held: held}, err
	}
	tenants, err := s.Tenants.Tenants(ctx)
	switch {
	case err != nil && len(tenants) == 0:
		return Swept{}, err
	case err != nil: // the probe's alarm tells of it
		slog.WarnContext(ctx, "tenants that cannot be read", "error", err.Error())
	}
	tenants = slices.DeleteFunc(tenants, func(t tenant.Tenant) bool { return t.Suppressed })
	inTurn(tenants, in.ScheduledTime)
	rotations, err := s.read(ctx, tenants)
	if err != nil {
		return Swept{}, err
	}
	out := Swept{Tenants: len(tenants)}
	for i, t := range tenants {
		if err := s.see(ctx, in.ScheduledTime.UTC(), t, rotations[i], &out); err != nil {
			return Swept{}, err
		}
	}
	return out, nil
}

func (s Sweeper) held(ctx context.Context) (bool, error) {
	automation, err := s.Automation.Switch(ctx)
	if err != nil || automation.Stopped {
		return automation.Stopped, err
	}
	err = s.Restores.Guard(ctx)
	if fault.Is(err, fault.RestoreUnderway) {
		return true, nil
	}
	return false, err
}

// inTurn sorts the tenants in an order that changes with every hour: some that fail each time keep nobody else out.
func inTurn(tenants []tenant.Tenant, now time.Time) {
	hour := now.UTC().Format("2006010215")
	slices.SortFunc(tenants, func(a, b tenant.Tenant) int {
		return cmp.Compare(launch.Digest(a.ID+" "+hour, 8), launch.Digest(b.ID+" "+hour, 8))
	})
}

// read reads from Vault when each is due.
func (s Sweeper) read(ctx context.Context, tenants []tenant.Tenant) ([]rotation, error) {
	secrets, logout, err := s.Login(ctx)
	if err != nil {
		return nil, err
	}
	defer logout()
	rotations := make([]rotation, len(tenants))
	reading, rctx := errgroup.WithContext(ctx)
	reading.SetLimit(workers)
	for i, t := range tenants {
		reading.Go(func() (err error) {
			rotations[i], err = read(rctx, secrets, t)
			return err
		})
	}
	return rotations, reading.Wait()
}

// see does for one tenant what is to be done now. An announcement is good for no earlier date than its own, so that of a
// credential that was replaced since counts for nothing.
func (s Sweeper) see(ctx context.Context, now time.Time, t tenant.Tenant, r rotation, out *Swept) error {
	announced := !t.RotationDue.Before(r.due)
	switch {
	case !r.known:
		out.Missing++
	case !announced && now.Before(r.due.Add(-ahead)):
	case !announced:
		return s.announce(ctx, now, t, out)
	case !now.Before(t.RotationDue):
		return s.start(ctx, now, t, out)
	}
	return nil
}

// announce tells the tenant first, and notes it then: between the two a sweep may die, and told twice is better than never.
// The date is the one that is due, or, where that is no week away any more, the tenant's first hour after a week. A sweep may
// come an hour late.
func (s Sweeper) announce(ctx context.Context, now time.Time, t tenant.Tenant, out *Swept) error {
	at := due(now, ahead-time.Hour, t.ID)
	if err := s.Letters.RotationAhead(ctx, t.ID, at); err != nil {
		return err
	}
	if err := s.Notes.NoteRotation(ctx, t.ID, at); err != nil {
		return err
	}
	out.Announced++
	return nil
}

// start starts the rotation, once within the hour. How it ends it tells by itself; one that failed is started by the next
// sweep.
func (s Sweeper) start(ctx context.Context, now time.Time, t tenant.Tenant, out *Swept) error {
	if out.Started == mostAtOnce {
		out.Waiting++
		return nil
	}
	underWay, err := t.UnderWay(ctx, s.Executions)
	if err != nil {
		return err
	}
	if underWay {
		out.Waiting++
		return nil
	}
	started, err := s.Machine.Start(ctx, "routine-"+launch.Digest(t.ID+now.Format(" 2006010215"), 16), request{
		TenantID: t.ID, Reason: "routine, due " + t.RotationDue.Format(time.DateOnly), RequestedBy: "sweep-credentials",
	})
	if started {
		out.Started++
	}
	return err
}
