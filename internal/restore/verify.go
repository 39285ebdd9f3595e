package restore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/inventory"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
	"github.com/penguinmails/disaster-recovery/internal/vault"
)

// VerifyInput is the backup that Vault should now be.
type VerifyInput struct {
	Backup    Backup         `json:"backup"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input without an inventory to hold Vault against.
func (in VerifyInput) Validate() error {
	if in.Backup.Inventory.VersionID == "" {
		return errors.New("backup.inventory.version_id is missing")
	}
	return in.Execution.Validate()
}

// Proof is what VerifySecrets found, and how long everything took.
type Proof struct {
	// SecretsVerified counts secrets that are there with the version and fingerprint of the inventory.
	SecretsVerified int `json:"secrets_verified"`
	// PasswordsDecrypted counts mail passwords that opened, among them every tenant's.
	PasswordsDecrypted int `json:"passwords_decrypted"`
	// WrittenDuringCapture counts secrets that changed while the backup was taken: newer than the inventory, as they may.
	WrittenDuringCapture int `json:"written_during_capture"`
	// UnexpectedExtras counts secrets older than the capture that the inventory does not know.
	UnexpectedExtras int `json:"unexpected_extras"`
	// RestorationSeconds runs from the start of the execution to this proof: the recovery time.
	RestorationSeconds float64 `json:"restoration_seconds"`
	// RecoveryPointSeconds is how old the restored data was when the execution started: what was lost.
	RecoveryPointSeconds float64   `json:"recovery_point_seconds"`
	RecoveredAt          time.Time `json:"recovered_at"`
}

// Reader is what proving reads of Vault. *vault.Session is one.
type Reader interface {
	Mounts(context.Context) (map[string]string, error)
	ListSecrets(ctx context.Context, mount string) ([]string, error)
	ReadSecret(ctx context.Context, mount, path string, version int) (*vault.Secret, error)
	Decrypt(context.Context, vault.Ciphertext) (secret.String, error)
}

// Prover is the step VerifySecrets.
type Prover struct {
	Cluster  *vault.Cluster
	Identity vault.Identity
	Archive  Archive
	// TestTenant has a credential of its own that is tried first: smtp/{TestTenant}/admin.
	TestTenant string
	Now        func() time.Time
}

// Verify logs in with the role that came back with the snapshot, and holds every secret of Vault against the inventory.
// It fails closed: a secret that cannot be read counts as lost.
func (p Prover) Verify(ctx context.Context, in VerifyInput) (Proof, error) {
	want, err := readInventory(ctx, p.Archive, in.Backup.Inventory)
	if err != nil {
		return Proof{}, err
	}
	session, err := p.Cluster.Login(ctx, p.Identity)
	if err != nil {
		return Proof{}, err
	}
	defer session.Logout(ctx)
	if session.Health.ClusterID != want.ClusterID {
		return Proof{}, fault.SecretsDiffer.Tellf("this Vault is not the cluster of the backup")
	}
	proof, err := prove(ctx, session, want, p.TestTenant)
	if err != nil {
		return Proof{}, err
	}
	now := p.Now()
	proof.RecoveredAt = now.UTC()
	proof.RestorationSeconds = seconds(now.Sub(in.Execution.StartedAt))
	proof.RecoveryPointSeconds = seconds(in.Execution.StartedAt.Sub(in.Backup.CapturedAt))
	return proof, nil
}

func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*10) / 10 }

// prove tries the test tenant, then every secret, then what the inventory does not know.
func prove(ctx context.Context, v Reader, want inventory.Inventory, testTenant string) (Proof, error) {
	c := &comparison{vault: v, want: want, known: map[string]bool{}}
	if err := c.testTenant(ctx, testTenant); err != nil {
		return Proof{}, err
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(inventory.Workers)
	for _, s := range want.Secrets {
		c.known[s.Mount+s.Path] = true
		group.Go(func() error { return c.secret(gctx, s) })
	}
	if err := group.Wait(); err != nil {
		return Proof{}, err
	}
	if err := c.extras(ctx); err != nil {
		return Proof{}, err
	}
	return c.proof, c.verdict()
}

// comparison collects what is found; its methods may run at once.
type comparison struct {
	vault Reader
	want  inventory.Inventory
	known map[string]bool

	mu    sync.Mutex
	proof Proof
	wrong []string
}

func (c *comparison) count(update func(*Proof)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	update(&c.proof)
}

func (c *comparison) differs(mount, path, how string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, mount+path+" ("+how+")")
	return nil
}

// testTenant reads and opens the credential that exists for this purpose, before thousands of others are tried.
func (c *comparison) testTenant(ctx context.Context, tenant string) error {
	found, err := c.vault.ReadSecret(ctx, credentials, tenant+credential, 0)
	if err != nil {
		return err
	}
	if found == nil || found.Gone {
		return fault.SecretsDiffer.Tellf("the test tenant's %s%s%s is not there", credentials, tenant, credential)
	}
	return c.opens(ctx, tenant+credential, found.Data)
}

// secret holds one secret against its line of the inventory. The inventory was taken after the snapshot: a secret that
// Vault stamped before the capture began must be there exactly as listed; one that was written, deleted or made anew
// while it ran may differ, and is counted apart.
func (c *comparison) secret(ctx context.Context, want inventory.Secret) error {
	found, err := c.vault.ReadSecret(ctx, want.Mount, want.Path, 0)
	if fault.Is(err, fault.VaultRefused) {
		return c.differs(want.Mount, want.Path, "unreadable")
	}
	if err != nil {
		return err
	}
	how := c.difference(found, want)
	during := how != "" && (how == deletedSince || !want.CreatedTime.Before(c.want.CapturedAt))
	if how != "" && !during {
		return c.differs(want.Mount, want.Path, how)
	}
	if want.Mount == credentials && found != nil && !found.Gone {
		if err := c.opens(ctx, want.Path, found.Data); fault.Is(err, fault.SecretsDiffer) {
			return c.differs(want.Mount, want.Path, "its password does not decrypt")
		} else if err != nil {
			return err
		}
		c.count(func(p *Proof) { p.PasswordsDecrypted++ })
	}
	c.count(func(p *Proof) {
		if during {
			p.WrittenDuringCapture++
		} else {
			p.SecretsVerified++
		}
	})
	return nil
}

// deletedSince is the difference that proves itself harmless: the snapshot holds what was deleted after it.
const deletedSince = "deleted since"

// difference says how a secret differs from its line of the inventory, or nothing.
func (c *comparison) difference(found *vault.Secret, want inventory.Secret) string {
	switch {
	case found == nil:
		return "missing"
	case found.Version != want.Version:
		return fmt.Sprintf("version %d instead of %d", found.Version, want.Version)
	case found.Gone && want.Gone:
		return ""
	case found.Gone:
		return "deleted"
	case want.Gone:
		return deletedSince
	}
	if print, err := c.want.Fingerprint(found.Data); err != nil || print != want.Fingerprint {
		return "other content"
	}
	return ""
}

// The mail credentials: smtp/{tenant}/admin and smtp/{tenant}/admin-pending hold a password under transit.
const (
	credentials = "smtp/"
	credential  = "/admin"
)

// opens decrypts the password inside a mail credential; what does not open is SecretsDiffer.
func (c *comparison) opens(ctx context.Context, path string, data map[string]any) error {
	tenant, _, _ := strings.Cut(path, "/")
	text, _ := data["password"].(string)
	id, _ := data["credential_id"].(string)
	password, err := c.vault.Decrypt(ctx, vault.Ciphertext{Text: text, TenantID: tenant, CredentialID: id})
	switch {
	case fault.Is(err, fault.VaultRefused) || err == nil && password.Empty():
		return fault.SecretsDiffer.Tellf("the password of %s%s does not decrypt", credentials, path)
	case err != nil:
		return err
	}
	return nil
}

// extras looks for secrets that the inventory does not know: those of the capture's own time are counted, older ones
// are reported.
func (c *comparison) extras(ctx context.Context) error {
	mounts, err := c.vault.Mounts(ctx)
	if err != nil {
		return err
	}
	for mount, kind := range mounts {
		if kind != "kv-v2" {
			continue
		}
		paths, err := c.vault.ListSecrets(ctx, mount)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if c.known[mount+path] {
				continue
			}
			found, err := c.vault.ReadSecret(ctx, mount, path, 0)
			if err != nil {
				return err
			}
			if found == nil {
				continue
			}
			if found.CreatedTime.Before(c.want.CapturedAt) {
				c.proof.UnexpectedExtras++
				slog.WarnContext(ctx, "a secret that the inventory does not know", "path", mount+path)
			} else {
				c.proof.WrittenDuringCapture++
			}
		}
	}
	return nil
}

// maxNamed (select.go) bounds what a fault names; the log has the rest.
func (c *comparison) verdict() error {
	if len(c.wrong) == 0 {
		return nil
	}
	slices.Sort(c.wrong)
	slog.Error("secrets differ", "count", len(c.wrong), "secrets", c.wrong)
	named, more := c.wrong, ""
	if len(named) > maxNamed {
		named, more = named[:maxNamed], ", …"
	}
	return fault.SecretsDiffer.Tellf("%d of %d: %s%s", len(c.wrong), len(c.want.Secrets), strings.Join(named, ", "), more)
}
