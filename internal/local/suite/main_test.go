//go:build platform

// Package suite runs the deployed template, its state machines and its compiled functions on one platform, and looks at
// the path that was taken and at the state of the world afterwards.
package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/local/inbox"
	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/progress"
	"github.com/penguinmails/disaster-recovery/internal/local/runbook"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/tenant"
)

// world is the one platform that all tests share; they run one after the other, in the order of their files.
type world struct {
	*platform.Platform
	desk       runbook.Desk
	passwords  platform.Passwords
	operations inbox.Inbox
	security   inbox.Inbox
	tenants    inbox.Inbox
	// planted are secrets of mail servers.
	planted map[string]secret.String
	// due is the minute for which the schedule was set.
	due time.Time
	// mails keeps every notice that was read, for the search for secrets.
	mails []inbox.Mail
}

var w *world

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		return 1, err
	}
	say := progress.New(os.Stdout)
	tools, err := platform.Fetch(ctx, root, say)
	if err != nil {
		return 1, err
	}
	p, err := platform.Start(ctx, tools, platform.Options{Dir: filepath.Join(root, ".local", "test"), Attached: true, Faults: true}, say)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	w = &world{Platform: p, desk: runbook.NewDesk(p.AWS), planted: map[string]secret.String{}}
	if err := w.furnish(ctx); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// tenants is enough for every worker to be busy.
const tenants = 40

func (w *world) furnish(ctx context.Context) (err error) {
	if w.passwords, err = w.Seed(ctx, tenants); err != nil {
		return err
	}
	if err := w.StartMail(ctx); err != nil {
		return err
	}
	// The test of the rule comes last among the backups.
	if w.due, err = w.DeploySoon(ctx); err != nil {
		return err
	}
	if err := w.StoreShares(ctx); err != nil {
		return err
	}
	if err := w.StoreToken(ctx); err != nil {
		return err
	}
	// The tests kill servers, and what becomes of them is theirs to say until those of the watch.
	if err := w.SetAutomation(ctx, tenant.Setting{Stopped: true, Reason: "the suite begins", RequestedBy: "suite"}); err != nil {
		return err
	}
	if w.operations, err = inbox.Subscribe(ctx, w.AWS, w.Outputs["OperationsTopic"], "operators"); err != nil {
		return err
	}
	if w.tenants, err = inbox.Subscribe(ctx, w.AWS, w.Outputs["TenantTopic"], "tenants"); err != nil {
		return err
	}
	w.security, err = inbox.Subscribe(ctx, w.AWS, w.Outputs["SecurityTopic"], "security-team")
	return err
}
