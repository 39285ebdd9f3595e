package credential

import (
	"context"
	"log/slog"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/mailprobe"
	"github.com/penguinmails/disaster-recovery/internal/mailu"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// Registry is the tenants' registry.
type Registry interface {
	Find(ctx context.Context, tenantID string) (tenant.Tenant, error)
	// SetCredential is CredentialStale where the registry names neither of the two.
	SetCredential(context.Context, tenant.Rotation) error
	// NoteStale notes since when nobody has seen that the server holds the credential.
	NoteStale(ctx context.Context, tenantID string, since time.Time) error
}

// Restores knows whether Vault is being restored.
type Restores interface {
	// Guard is RestoreUnderway while it is.
	Guard(context.Context) error
}

// restoring is RestoreUnderway while Vault is being restored. Where Step Functions does not say, the rotation goes on: it lets an
// account list executions some two or five times in a second, after the first hundred, and a leak does not wait for that. What
// a restore then undoes is found by reconcile-after-restore.
func restoring(ctx context.Context, r Restores) error {
	err := r.Guard(ctx)
	if fault.Is(err, fault.AWSUnavailable) {
		slog.WarnContext(ctx, "nobody knows whether Vault is being restored", "error", err.Error())
		return nil
	}
	return err
}

// Mailbox is the tenant's administrator as its Mailu has it.
type Mailbox interface {
	// Has compares with the hash: that counts against no rate limit.
	Has(ctx context.Context, username string, password secret.String) (bool, error)
	// Install makes the password the user's, and believes the hash that it reads back.
	Install(context.Context, mailu.Credential) (changed bool, err error)
	// Through is the way to Mailu that was taken last.
	Through() mailu.Through
}

// Open opens the Mailu of a server with the keys that Vault holds for the tenant, by the way that is known to be open, if one
// is.
type Open func(ctx context.Context, keys mailu.Secrets, tenantID string, at mailu.Server, known mailu.Through) (Mailbox, func(), error)

// OpenMailu is Open through SSH.
func OpenMailu(ctx context.Context, keys mailu.Secrets, tenantID string, at mailu.Server, known mailu.Through) (Mailbox, func(), error) {
	admins, closed, err := mailu.OpenAdmins(ctx, keys, tenantID, at, known)
	if err != nil {
		return nil, nil, err
	}
	return admins, closed, nil
}

// Client is a mail program.
type Client interface {
	Logins(context.Context, mailprobe.Target, mailprobe.Credential) (mailprobe.Logins, error)
}

// Power knows what a server's provider says of it: "running", "off", "gone" and so on.
type Power interface {
	State(ctx context.Context, serverID string) (string, error)
}

// Servers knows which server can be given a password.
type Servers struct {
	Power      Power
	Executions tenant.Executions
}

// Absence is why a tenant's server is not to be asked.
type Absence string

const (
	Present    Absence = ""
	Off        Absence = "off"
	Gone       Absence = "gone"
	Recovering Absence = "recovering" // a recovery that still runs holds the tenant's lease
)

// absence looks where the server is. A provider that says nothing must not hold a rotation up: then the server is believed
// to be there, and whoever asks it will see.
func (s Servers) absence(ctx context.Context, t tenant.Tenant) (Absence, error) {
	state, err := s.Power.State(ctx, t.VPS.ID)
	if err != nil {
		slog.WarnContext(ctx, "the provider does not say how the server is", "error", err.Error())
	}
	if a := Absence(state); err == nil && (a == Off || a == Gone) {
		return a, nil
	}
	underWay, err := t.UnderWay(ctx, s.Executions)
	if err != nil {
		return Present, err
	}
	if underWay {
		return Recovering, nil
	}
	return Present, nil
}

// serverOf is where the registry says that the tenant's server is.
func serverOf(t tenant.Tenant) mailu.Server {
	return mailu.Server{Address: t.VPS.IP.String(), HostKey: t.HostKey}
}
