// Package bench measures how fast the parts are on this machine, each beside what it is held against, in one run: the
// compiled functions as they are deployed, a real Vault, and the programs that people would use otherwise. Goals are
// printed, never asserted: an error is only what could not be measured.
package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/backup"
	"github.com/penguinmails/disaster-recovery/internal/local/faults"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/progress"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// bench is a platform and what was measured on it so far.
type bench struct {
	*platform.Platform
	root   string
	dir    string // of the platform, and of whatever else lies on the disk meanwhile
	say    *progress.Printer
	store  *store
	report report
	// mailu and auditLog tell how long the tenants' Mailu and Vault were at work.
	mailu    stopwatch
	auditLog *auditLog
	// entries is how many pieces of ballast Vault holds.
	entries int
	// little and big are the snapshots that the store keeps.
	little, big backup.Snapshot
}

// never is a schedule that does not fire while this runs: February has no 30th.
const never = "cron(0 2 30 2 ? *)"

// Run measures everything in the checkout at root and prints a table. It leaves no process and no data behind, only
// .local/bench.json.
func Run(ctx context.Context, root string, say *progress.Printer) (err error) {
	if err := room(root); err != nil {
		return err
	}
	say.Linef("Preparing (the first time on a machine about six minutes, then seconds)")
	tools, err := platform.Fetch(ctx, root, say)
	if err != nil {
		return err
	}
	b := &bench{
		root: root, dir: filepath.Join(root, ".local", "bench"), say: say,
		report: report{Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Load: load()},
	}
	say.Linef("\nWithout a platform")
	if err := say.Step("seal and open, age, openssl", func() error { return b.cipher(ctx) }); err != nil {
		return err
	}
	say.Linef("\nOn a platform (about a quarter of an hour)")
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	between, err := faults.Start(faults.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, between.Stop()) }()
	between.Add(faults.Rule{Strikes: []faults.Strike{b.mailu.Strike}})
	if b.Platform, err = platform.Start(ctx, tools, platform.Options{Dir: b.dir, Attached: true, DialMailu: between.DialTo}, say); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Stop()) }()
	if err := b.furnish(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.store.stop()) }()
	for _, measure := range []func(context.Context) error{b.audit, b.rotation, b.rotations, b.secrets, b.snapshot, b.restore} {
		if err := measure(ctx); err != nil {
			return err
		}
	}
	b.report.print(say)
	return b.report.save(filepath.Join(root, ".local", "bench.json"))
}

// furnish deploys the template and starts the store. Nothing acts by itself meanwhile.
func (b *bench) furnish(ctx context.Context) error {
	b.auditLog = newAuditLog(filepath.Join(b.dir, "vault", "audit.log"))
	if err := b.StartMail(ctx); err != nil {
		return err
	}
	if err := b.Deploy(ctx, b.Built, never); err != nil {
		return err
	}
	if err := b.StoreToken(ctx); err != nil {
		return err
	}
	if err := b.SetAutomation(ctx, tenant.Setting{Stopped: true, Reason: "measurements", RequestedBy: "bench"}); err != nil {
		return err
	}
	o := b.Vault.Options()
	certificate, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
	if err != nil {
		return err
	}
	b.store, err = openStore(filepath.Join(b.dir, "store"), certificate)
	return err
}
