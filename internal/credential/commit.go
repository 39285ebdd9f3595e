package credential

import (
	"context"
	"log/slog"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// CommitInput is a credential that was tested, or that no server can be given now.
type CommitInput struct {
	Rotation Staged `json:"rotation"`
	// Through is as in TestInput.
	Through   mailu.Through  `json:"through"`
	Execution task.Execution `json:"execution"`
}

// Validate checks every part.
func (in CommitInput) Validate() error { return TestInput(in).Validate() }

// Committed is what is so now.
type Committed struct {
	CredentialID string `json:"credential_id"`
	// Version is that of smtp/{tenant_id}/admin.
	Version int `json:"version"`
	// Destroyed counts the versions that were still readable.
	Destroyed int `json:"destroyed"`
	// Installed: the server has the password. Absence says why not, where it is known.
	Installed bool    `json:"installed"`
	Absence   Absence `json:"absence"`
	// Repaired: the password had to be set once more, after a change of another run or hand.
	Repaired bool `json:"repaired"`
	// Through is the way to Mailu that was taken; empty where none was.
	Through mailu.Through `json:"through"`
}

// Committer is the step CommitCredentials.
type Committer struct {
	Registry Registry
	Servers  Servers
	Login    Login
	Open     Open
}

// Commit makes the pending credential the current one, in Vault and then in the registry, destroys what it replaces, and
// sees that the server has it. Each part looks whether it is done already.
//
// Faults: RotationOvertaken, where another run, a hand or a restore came first; CredentialMissing; those of Mailu, the
// server, Vault and the registry.
func (c Committer) Commit(ctx context.Context, in CommitInput) (Committed, error) {
	v, logout, err := c.Login(ctx)
	if err != nil {
		return Committed{}, err
	}
	defer logout()
	r := in.Rotation
	out := Committed{CredentialID: r.Tenant.CredentialID}
	if out.Version, err = c.write(ctx, v, r, in.Execution.StartedAt); err != nil {
		return Committed{}, err
	}
	if err := c.register(ctx, r); err != nil {
		return Committed{}, err
	}
	if err := note(ctx, v, r, in.Execution.StartedAt); err != nil {
		return Committed{}, err
	}
	if out.Destroyed, err = destroy(ctx, v, r, out.Version); err != nil {
		return Committed{}, err
	}
	return c.settle(ctx, v, in, out)
}

// write makes the pending credential Vault's current one, and gives its version.
func (c Committer) write(ctx context.Context, v Vault, r Staged, at time.Time) (version int, err error) {
	for range races {
		seen, err := find(ctx, c.Registry, v, r.Tenant.ID, r.Tenant.CredentialID)
		if err != nil {
			return 0, err
		}
		if seen.committed(r.Tenant.CredentialID) {
			return seen.current.version, nil
		}
		version, ok, err := v.WriteSecret(ctx, mount, adminPath(r.Tenant.ID), seen.current.version, seen.renewed(stamp(at)))
		if err != nil || ok {
			return version, err
		}
	}
	return 0, fault.RotationOvertaken.Tellf("%s: others wrote first %d times", r.Tenant.ID, races)
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// register makes the registry name the credential, if it still names one that was replaced: after a restore of Vault a run
// from before would name an old one again.
func (c Committer) register(ctx context.Context, r Staged) error {
	var err error
	for _, from := range []string{r.RegistryCredentialID, r.VaultCredentialID} {
		err = c.Registry.SetCredential(ctx, tenant.Rotation{TenantID: r.Tenant.ID, From: from, To: r.Tenant.CredentialID})
		if !fault.Is(err, fault.CredentialStale) {
			return err
		}
	}
	return fault.RotationOvertaken.Tellf("%s: the registry names another credential", r.Tenant.ID)
}

// note writes to the secret which of its versions has leaked: that outlives the version itself.
func note(ctx context.Context, v Vault, r Staged, at time.Time) error {
	if r.IncidentID == "" {
		return nil
	}
	known, err := v.Annotations(ctx, mount, adminPath(r.Tenant.ID))
	if err != nil {
		return err
	}
	notes := forgotten(known)
	notes[compromised(r.BasedOnVersion)] = r.IncidentID + "|" + r.RequestedBy + "|" + stamp(at)
	return v.Annotate(ctx, mount, adminPath(r.Tenant.ID), notes)
}

// destroy leaves no version but the current one. What is pending is destroyed too, unless a newer run has staged it.
func destroy(ctx context.Context, v Vault, r Staged, version int) (destroyed int, err error) {
	if destroyed, err = v.DestroyVersions(ctx, mount, adminPath(r.Tenant.ID), version-1); err != nil {
		return 0, err
	}
	pending, err := read(ctx, v, pendingPath(r.Tenant.ID))
	if err != nil {
		return 0, err
	}
	last := pending.version
	if pending.id != r.Tenant.CredentialID {
		last--
	}
	_, err = v.DestroyVersions(ctx, mount, pendingPath(r.Tenant.ID), last)
	return destroyed, err
}

// settle sees that the server has the password. Where it is now counts, not where it was: a recovery may have ended since,
// which from here on cannot end with another credential. One that is off has the former password if somebody switches it on:
// it is in doubt until a look has found that it has not.
func (c Committer) settle(ctx context.Context, v Vault, in CommitInput, out Committed) (Committed, error) {
	t, err := c.Registry.Find(ctx, in.Rotation.Tenant.ID)
	if err != nil {
		return Committed{}, err
	}
	if out.Absence, err = c.Servers.absence(ctx, t); err != nil {
		return Committed{}, err
	}
	switch out.Absence {
	case Off:
		return out, c.Registry.NoteStale(ctx, t.ID, in.Execution.StartedAt.UTC())
	case Gone:
		return out, nil
	}
	box, closed, err := c.Open(ctx, v, t.ID, serverOf(t), in.Through)
	if err == nil {
		defer closed()
		out.Installed, out.Repaired, err = c.install(ctx, v, box, in.Rotation.Tenant)
		out.Through = box.Through()
	}
	if err != nil && out.Absence == Recovering {
		slog.WarnContext(ctx, "the server is not there; the recovery installs the new credential", "error", err.Error())
		return out, nil
	}
	return out, err
}

// install gives the server Vault's current password where it has another. It looks at Vault again just before the change, and
// after it: one that came too late must not stay. What a newer run has begun is left alone.
func (c Committer) install(ctx context.Context, v Vault, box Mailbox, t mailu.Tenant) (installed, repaired bool, err error) {
	for range races {
		seen, err := look(ctx, c.Registry, v, t.ID)
		if err != nil || !seen.committed(t.CredentialID) && !repaired {
			return false, repaired, err
		}
		password, err := seen.current.open(ctx, v, t.ID)
		if err != nil {
			return false, repaired, err
		}
		has, err := box.Has(ctx, seen.username(), password)
		if err != nil || has {
			return has && seen.committed(t.CredentialID), repaired, err
		}
		again, err := look(ctx, c.Registry, v, t.ID)
		if err != nil || again.valid() {
			return false, repaired, err
		}
		if again.current.id != seen.current.id {
			continue
		}
		repaired = true
		credential := mailu.Credential{Username: seen.username(), Password: password, WebmailURL: seen.current.text("webmail_url")}
		if _, err := box.Install(ctx, credential); err != nil {
			return false, repaired, err
		}
	}
	return false, repaired, fault.RotationOvertaken.Tellf("%s: others changed the password %d times", t.ID, races)
}
