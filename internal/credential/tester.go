package credential

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/mailprobe"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// TestInput is a credential that was set.
type TestInput struct {
	Rotation Staged `json:"rotation"`
	// Through is the way to Mailu that was open a moment ago; empty where none was tried.
	Through   mailu.Through  `json:"through"`
	Execution task.Execution `json:"execution"`
}

// Validate checks every part.
func (in TestInput) Validate() error {
	return errors.Join(in.Rotation.Validate(), in.Through.Validate(), in.Execution.Validate())
}

// Validate refuses a rotation that StageCredentials did not make.
func (s Staged) Validate() error {
	if s.BasedOnVersion < 1 || s.RegistryCredentialID == "" || s.VaultCredentialID == "" {
		return errors.New("rotation is not what StageCredentials gave")
	}
	return errors.Join(s.Tenant.Validate(), s.Server.Validate())
}

// Tested is what a mail client met with.
type Tested struct {
	// New are the logins with the new password. One that is refused proves nothing: an attacker's guesses make Mailu refuse
	// everybody for a while. The hash was the new one's.
	New mailprobe.Logins `json:"new"`
	// Former are the logins with the password that is replaced; all of them were refused.
	Former mailprobe.Logins `json:"former"`
	// SafeSeconds is how long after the execution's start the former password was seen refused.
	SafeSeconds float64 `json:"safe_seconds"`
}

// Tester is the step TestCredentials.
type Tester struct {
	Registry Registry
	Login    Login
	Open     Open
	Client   Client
	Now      func() time.Time
}

// Test proves that the new password is the one, and that the former one is none any more. It touches nothing.
//
// Faults: MailNotVerified where Mailu's hash is not the new password's, or the former password still opens the mailbox;
// RotationOvertaken, CredentialMissing; ServerUnreachable where a port says neither yes nor no; those of Mailu, Vault and
// the registry.
func (s Tester) Test(ctx context.Context, in TestInput) (Tested, error) {
	v, logout, err := s.Login(ctx)
	if err != nil {
		return Tested{}, err
	}
	defer logout()
	id := in.Rotation.Tenant.CredentialID
	box, closed, err := s.Open(ctx, v, in.Rotation.Tenant.ID, in.Rotation.Server, in.Through)
	if err != nil {
		return Tested{}, err
	}
	defer closed()
	seen, err := find(ctx, s.Registry, v, in.Rotation.Tenant.ID, id)
	if err != nil {
		return Tested{}, err
	}
	fresh, former := seen.pending, &seen.current
	if seen.committed(id) { // by another run; the former one is destroyed
		fresh, former = seen.current, nil
	}
	password, err := fresh.open(ctx, v, seen.tenant.ID)
	if err != nil {
		return Tested{}, err
	}
	has, err := box.Has(ctx, seen.username(), password)
	if err != nil {
		return Tested{}, err
	}
	if !has {
		return Tested{}, fault.MailNotVerified.Tellf("Mailu holds another password than the new one")
	}
	var out Tested
	if out.New, err = s.logins(ctx, in.Rotation, seen.username(), password); err != nil {
		return Tested{}, err
	}
	if !out.New.Accepted() {
		slog.WarnContext(ctx, "the new password is refused although it is the one that Mailu holds", "logins", out.New)
	}
	if former != nil {
		if out.Former, err = s.former(ctx, v, in.Rotation, seen.username(), *former); err != nil {
			return Tested{}, err
		}
	}
	out.SafeSeconds = s.Now().Sub(in.Execution.StartedAt).Seconds()
	return out, nil
}

// former tries the password that is replaced. One that does not decrypt any more cannot be tried, and stops no rotation.
func (s Tester) former(ctx context.Context, v Vault, r Staged, username string, replaced held) (mailprobe.Logins, error) {
	password, err := replaced.open(ctx, v, r.Tenant.ID)
	if fault.Is(err, fault.CredentialMissing) {
		slog.WarnContext(ctx, "the former password cannot be tried", "error", err.Error())
		return mailprobe.Logins{}, nil
	}
	if err != nil {
		return mailprobe.Logins{}, err
	}
	logins, err := s.logins(ctx, r, username, password)
	if err == nil && !logins.Refused() {
		err = fault.MailNotVerified.Tellf("the former password still opens the mailbox")
	}
	return logins, err
}

func (s Tester) logins(ctx context.Context, r Staged, username string, password secret.String) (mailprobe.Logins, error) {
	return s.Client.Logins(ctx, mailprobe.Target{Hostname: r.Tenant.Hostname, Address: r.Server.Address},
		mailprobe.Credential{Username: username, Password: password})
}
