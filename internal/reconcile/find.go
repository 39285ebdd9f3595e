// Package reconcile brings Vault and the mail servers back into agreement after Vault was restored: a credential that was
// rotated since the backup is the old one again in Vault, while the server has the newer one. The registry, which is not in
// Vault, names that one too, unless the rotation had not come to its end: then the server's hash alone tells.
//
// Whoever is not seen to agree is noted in the registry, and stays so until a later look finds agreement; SweepTenants has
// them looked at again.
package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// Request starts the runbook. Reason and RequestedBy are claims.
type Request struct {
	// Again: only those are looked at who were not seen to agree, and who are not in people's hands.
	Again       bool   `json:"again"`
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"`
}

// maxText bounds a claim, in bytes.
const maxText = 256

// Validate refuses claims that no record could take.
func (r Request) Validate() error {
	if len(r.Reason) > maxText || len(r.RequestedBy) > maxText {
		return errors.New("reason or requested_by is longer than 256 bytes")
	}
	return nil
}

// FindInput is the payload of FindStaleCredentials.
type FindInput struct {
	Input     json.RawMessage `json:"input"`
	Execution task.Execution  `json:"execution"`
}

// Validate checks the part that the state machine itself fills.
func (in FindInput) Validate() error { return in.Execution.Validate() }

// ExecutionARN is the execution that was started with the input.
func (in FindInput) ExecutionARN() string { return in.Execution.ARN }

// Found is what Vault, the registry and the servers do not agree about.
type Found struct {
	RequestedBy string `json:"requested_by"`
	Tenants     int    `json:"tenants"` // that were looked at
	// Stale are the tenants whose credential in Vault is not the one that the registry names, or not the one that the server
	// holds; the most important first.
	Stale []string `json:"stale"`
	Any   bool     `json:"any"` // there are stale ones
	// Missing are the tenants of whom Vault holds no usable credential: nothing can be rotated there.
	Missing Listed `json:"missing"`
	// Unseen are those whose servers did not say which password they hold.
	Unseen Listed `json:"unseen"`
	// Settled is how many of those that were noted as not agreeing do so now.
	Settled int `json:"settled"`
	// Tell: somebody has to know. A look that was asked for always tells; a further one where it found anything new.
	Tell bool `json:"tell"`
}

// Listed is a list of tenants of which the first are shown.
type Listed struct {
	Count int      `json:"count"`
	Shown []string `json:"shown"`
}

// mostShown bounds what travels through records and notices.
const mostShown = 20

func (l *Listed) add(id string) {
	if l.Count++; l.Count <= mostShown {
		l.Shown = append(l.Shown, id)
	}
}

// Tenants lists the registry.
type Tenants interface {
	Tenants(context.Context) ([]tenant.Tenant, error)
}

// Notes are kept in the registry.
type Notes interface {
	// NoteStale notes since when a tenant is not seen to agree; the zero time takes the note away.
	NoteStale(ctx context.Context, tenantID string, since time.Time) error
}

// Finder is the step FindStaleCredentials.
type Finder struct {
	Tenants  Tenants
	Login    mailu.Login
	Open     Open
	Patience Patience
	Notes    Notes
}

// workers look at tenants at once.
const workers = 32

// Find holds the credential of every tenant in Vault against the registry, and then its password against the hash of the
// server, where that answers. It notes in the registry who is not seen to agree, and changes nothing else.
//
// Faults: InvalidInput, those of the login; VaultUnreachable and VaultRefused; AWSUnavailable and AWSRefused.
func (f Finder) Find(ctx context.Context, in FindInput) (Found, error) {
	var r Request
	if err := strictjson.Unmarshal(in.Input, &r); err != nil {
		return Found{}, fault.InvalidInput.Tellf("%w", err)
	}
	if err := r.Validate(); err != nil {
		return Found{}, fault.InvalidInput.Tellf("%w", err)
	}
	tenants, err := f.Tenants.Tenants(ctx)
	switch {
	case err != nil && len(tenants) == 0:
		return Found{}, err
	case err != nil: // a broken record must not keep the others from being rotated; the probe's alarm tells of it
		slog.Warn("tenants that cannot be read", "error", err)
	}
	if r.Again {
		tenants = slices.DeleteFunc(tenants, func(t tenant.Tenant) bool { return !t.Unsettled() })
	}
	standings, err := f.look(ctx, tenants)
	if err != nil {
		return Found{}, err
	}
	out := Found{
		RequestedBy: r.RequestedBy, Tenants: len(tenants), Stale: []string{},
		Missing: Listed{Shown: []string{}}, Unseen: Listed{Shown: []string{}},
	}
	for i, t := range tenants {
		if err := f.sort(ctx, t, standings[i], in.Execution.StartedAt, &out); err != nil {
			return Found{}, err
		}
	}
	out.Any = len(out.Stale) > 0
	out.Tell = !r.Again || out.Any || out.Settled > 0 || out.Missing.Count > 0
	return out, nil
}

// look compares all of them.
func (f Finder) look(ctx context.Context, tenants []tenant.Tenant) ([]standing, error) {
	keys, logout, err := f.Login(ctx)
	if err != nil {
		return nil, err
	}
	defer logout()
	looking, lctx := errgroup.WithContext(ctx)
	looking.SetLimit(workers)
	servers, cancel := context.WithTimeout(lctx, f.Patience.All)
	defer cancel()
	standings := make([]standing, len(tenants))
	for i, t := range tenants {
		looking.Go(func() (err error) {
			standings[i], err = f.compare(lctx, servers, keys, t)
			return err
		})
	}
	return standings, looking.Wait()
}

// sort puts a tenant where it belongs, and keeps the note on it.
func (f Finder) sort(ctx context.Context, t tenant.Tenant, s standing, now time.Time, out *Found) error {
	since := t.StaleSince
	switch s {
	case stale:
		out.Stale = append(out.Stale, t.ID)
	case missing:
		out.Missing.add(t.ID)
	case unseen:
		out.Unseen.add(t.ID)
	case agreed:
		since = time.Time{}
		if !t.StaleSince.IsZero() {
			out.Settled++
		}
	}
	switch {
	case s == missing: // that is for people, who were told
		since = time.Time{}
	case s != agreed && since.IsZero():
		since = now.UTC().Truncate(time.Second)
	}
	if since.Equal(t.StaleSince) {
		return nil
	}
	err := f.Notes.NoteStale(ctx, t.ID, since)
	if fault.Is(err, fault.TenantUnknown) { // it has left meanwhile
		return nil
	}
	return err
}
