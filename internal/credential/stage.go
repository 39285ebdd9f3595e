package credential

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/strictjson"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// StageInput is what a state machine hands to StageCredentials: a Request, whole, and the execution.
type StageInput struct {
	Input     json.RawMessage `json:"input"`
	Execution task.Execution  `json:"execution"`
}

// Validate checks the part that the state machine itself fills.
func (in StageInput) Validate() error { return in.Execution.Validate() }

// ExecutionARN is the execution that was started with the input.
func (in StageInput) ExecutionARN() string { return in.Execution.ARN }

// Staged names the credential that waits to be set, and what it was staged for: references only, never a secret.
type Staged struct {
	// Tenant carries the id of the new credential.
	Tenant mailu.Tenant `json:"tenant"`
	// Server is where the registry had the tenant's server.
	Server mailu.Server `json:"server"`
	// Serving: the server is there to be given the password. Absence says why not.
	Serving bool    `json:"serving"`
	Absence Absence `json:"absence"`
	// BasedOnVersion is the version of smtp/{tenant_id}/admin that is replaced.
	BasedOnVersion int `json:"based_on_version"`
	// RegistryCredentialID and VaultCredentialID are the credentials that are replaced: after a restore of Vault they are
	// not the same.
	RegistryCredentialID string `json:"registry_credential_id"`
	VaultCredentialID    string `json:"vault_credential_id"`
	// TakenOver: another run had staged the credential.
	TakenOver   bool   `json:"taken_over"`
	IncidentID  string `json:"incident_id"`
	Reason      string `json:"reason"`
	RequestedBy string `json:"requested_by"`
}

// Stager is the step StageCredentials.
type Stager struct {
	Registry Registry
	Servers  Servers
	Restores Restores
	Login    Login
}

// races is how often others may come first.
const races = 8

// Stage puts a new credential beside the current one, or takes over the one that another run has staged: there is never
// more than one that Mailu may have. One that may not be committed any more is written over.
//
// Faults: InvalidInput, TenantUnknown, CredentialMissing; RestoreUnderway; RotationOvertaken where others came first all the
// time; those of registry, Vault and Executions.
func (s Stager) Stage(ctx context.Context, in StageInput) (Staged, error) {
	var r Request
	err := strictjson.Unmarshal(in.Input, &r)
	if err == nil {
		err = r.Validate()
	}
	if err != nil {
		return Staged{}, fault.InvalidInput.Tellf("%w", err)
	}
	if _, err := s.Registry.Find(ctx, r.TenantID); err != nil {
		return Staged{}, err // Vault would only say that it has nothing
	}
	if err := restoring(ctx, s.Restores); err != nil {
		return Staged{}, err
	}
	v, logout, err := s.Login(ctx)
	if err != nil {
		return Staged{}, err
	}
	defer logout()
	own := ""
	for range races {
		seen, err := look(ctx, s.Registry, v, r.TenantID)
		if err != nil {
			return Staged{}, err
		}
		usable, err := seen.usable(ctx, v)
		if err != nil {
			return Staged{}, err
		}
		if usable {
			return s.staged(ctx, seen, r, seen.pending.id != own)
		}
		if own, err = s.write(ctx, v, seen, r.IncidentID); err != nil {
			return Staged{}, err
		}
	}
	return Staged{}, fault.RotationOvertaken.Tellf("%s: others wrote first %d times", r.TenantID, races)
}

// usable reports whether the pending credential is valid and its password opens.
func (s scene) usable(ctx context.Context, v Vault) (bool, error) {
	if !s.valid() {
		return false, nil
	}
	_, err := s.pending.open(ctx, v, s.tenant.ID)
	if fault.Is(err, fault.CredentialMissing) {
		return false, nil
	}
	return err == nil, err
}

// write stages a new credential. Another write may come first; the next look sees whose credential is there.
func (s Stager) write(ctx context.Context, v Vault, seen scene, incident string) (id string, err error) {
	id = uuid.NewString()
	sealed, err := v.Encrypt(ctx, newPassword(), seen.tenant.ID, id)
	if err != nil {
		return "", err
	}
	_, _, err = v.WriteSecret(ctx, mount, pendingPath(seen.tenant.ID), seen.pending.version, seen.staged(sealed, incident))
	return id, err
}

func (s Stager) staged(ctx context.Context, seen scene, r Request, takenOver bool) (Staged, error) {
	absence, err := s.Servers.absence(ctx, seen.tenant)
	if err != nil {
		return Staged{}, err
	}
	t := seen.tenant
	return Staged{
		Tenant:  mailu.Tenant{ID: t.ID, Hostname: t.Hostname, Domains: t.Domains, CredentialID: seen.pending.id},
		Server:  serverOf(t),
		Serving: absence == Present, Absence: absence,
		BasedOnVersion: seen.current.version, RegistryCredentialID: t.CredentialID, VaultCredentialID: seen.current.id,
		TakenOver: takenOver, IncidentID: r.IncidentID, Reason: r.Reason, RequestedBy: r.RequestedBy,
	}, nil
}

// newPassword is 48 random bytes as base64url: of the characters that Mailu's files admit.
func newPassword() secret.String {
	random := make([]byte, 48)
	_, _ = rand.Read(random) // never fails: see crypto/rand
	return secret.New(base64.RawURLEncoding.EncodeToString(random))
}
