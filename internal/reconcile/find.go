// Package reconcile brings Vault and the mail servers back into agreement after Vault was restored: a credential that was
// rotated since the backup is the old one again in Vault, while the server has the newer one.
package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// Request starts the runbook. All of it is a claim.
type Request struct {
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

// Found is what Vault and the registry do not agree about.
type Found struct {
	RequestedBy string `json:"requested_by"`
	Tenants     int    `json:"tenants"` // that were looked at
	// Stale are the tenants whose credential in Vault is not the one that the registry names, the most important first.
	Stale []string `json:"stale"`
	Any   bool     `json:"any"` // there are stale ones
	// Missing are the tenants of whom Vault holds no credential: nothing can be rotated there.
	Missing []string `json:"missing"`
}

// Tenants lists the registry.
type Tenants interface {
	Tenants(context.Context) ([]tenant.Tenant, error)
}

// Finder is the step FindStaleCredentials.
type Finder struct {
	Tenants Tenants
	Login   Login
}

// workers read Vault at once.
const workers = 16

// Find compares the id of every tenant's credential with the registry's. It touches nothing and opens no password. Faults:
// InvalidInput, those of the login; VaultUnreachable and VaultRefused; AWSUnavailable and AWSRefused.
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
	secrets, logout, err := f.Login(ctx)
	if err != nil {
		return Found{}, err
	}
	defer logout()
	states := make([]state, len(tenants))
	reading, rctx := errgroup.WithContext(ctx)
	reading.SetLimit(workers)
	for i, t := range tenants {
		reading.Go(func() (err error) {
			states[i], err = look(rctx, secrets, t)
			return err
		})
	}
	if err := reading.Wait(); err != nil {
		return Found{}, err
	}
	out := Found{RequestedBy: r.RequestedBy, Tenants: len(tenants), Stale: []string{}, Missing: []string{}}
	for i, t := range tenants {
		switch states[i] {
		case stale:
			out.Stale = append(out.Stale, t.ID)
		case missing:
			out.Missing = append(out.Missing, t.ID)
		}
	}
	out.Any = len(out.Stale) > 0
	return out, nil
}

// state is how a tenant's credential in Vault stands to the registry.
type state int

const (
	agreed state = iota
	stale
	missing
)

func look(ctx context.Context, secrets Secrets, t tenant.Tenant) (state, error) {
	found, err := secrets.ReadSecret(ctx, "smtp/", t.ID+"/admin", 0)
	switch {
	case err != nil:
		return agreed, err
	case found == nil || found.Gone:
		return missing, nil
	case found.Data["credential_id"] == t.CredentialID:
		return agreed, nil
	}
	return stale, nil
}
