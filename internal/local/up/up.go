// Package up keeps a platform running for people: start it, look at it, break it, stop it.
package up

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/progress"
)

const (
	tenants = 200
	// mailTenant is the one with a mail server that runs.
	mailTenant = "acme"
	// nightly is the template's default schedule.
	nightly = "cron(0 2 * * ? *)"
)

func folder(root string) string { return filepath.Join(root, ".local", "up") }

// Up starts a platform that stays, or brings the running one up to date with the sources.
func Up(ctx context.Context, root string, say *progress.Printer) error {
	tools, err := platform.Fetch(ctx, root, say)
	if err != nil {
		return err
	}
	p, err := platform.Attach(tools, folder(root), say)
	switch {
	case errors.Is(err, platform.ErrNotRunning):
		p, err = start(ctx, tools, root, say)
	case err == nil:
		err = update(ctx, tools, p, say)
	}
	if err != nil {
		return err
	}
	return tell(p, root, say)
}

func start(ctx context.Context, tools platform.Tools, root string, say *progress.Printer) (p *platform.Platform, err error) {
	p, err = platform.Start(ctx, tools, platform.Options{Dir: folder(root)}, say)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil { // what did not come up whole must not stay
			err = errors.Join(err, p.Stop())
		}
	}()
	if _, err = p.Seed(ctx, tenants); err != nil {
		return nil, err
	}
	if err = p.StartMail(ctx); err != nil {
		return nil, err
	}
	if err = p.Deploy(ctx, p.Built, nightly); err != nil {
		return nil, err
	}
	if err = p.StoreShares(ctx); err != nil {
		return nil, err
	}
	if err = p.StoreToken(ctx); err != nil {
		return nil, err
	}
	err = say.Step("give "+mailTenant+" a mail server: secrets, zone, a server with Mailu, the registry", func() error {
		_, err := p.OnboardMail(ctx, mailTenant)
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, p.Save()
}

// update deploys the sources again if they changed since the last deployment.
func update(ctx context.Context, tools platform.Tools, p *platform.Platform, say *progress.Printer) error {
	built, err := tools.Build(ctx, say)
	if err != nil || built == p.Built {
		return err
	}
	if err := p.Deploy(ctx, built, nightly); err != nil {
		return err
	}
	p.Built = built
	return p.Save()
}

// tell prints what a person can do now.
func tell(p *platform.Platform, root string, say *progress.Printer) error {
	env, err := p.WriteEnv()
	if err != nil {
		return err
	}
	if short, err := filepath.Rel(root, env); err == nil {
		env = short
	}
	say.Linef("\nThe platform is running with %d tenants. In every shell that speaks to it, first:\n\n  . %s\n\nIt exports:\n", tenants, env)
	for _, v := range p.Env() {
		if !strings.HasPrefix(v, "VAULT_TOKEN=") {
			say.Linef("  %s", v)
		}
	}
	say.Linef(`  VAULT_TOKEN, Vault's root token

Take a backup:
  %s
Lose Vault, disk and all, and start an empty one:
  make lose-vault
Restore it:
  %s
Lose the mail server of %s:
  make lose-server
Replace it:
  %s
Answer the leak of its password:
  %s
Read a step's log:
  sam logs --stack-name %s --name SnapshotVaultFunction
Stop everything:
  make down`,
		startCommand("VaultBackup", `{"tier":"on-demand","reason":"by hand"}`),
		startCommand("VaultRestore", `{"backup_date":"latest","reason":"Vault is lost"}`),
		mailTenant, startCommand("VpsRecovery", `{"tenant_id":"`+mailTenant+`","reason":"its host is dead"}`),
		startCommand("CredentialCompromise", `{"tenant_id":"`+mailTenant+`","incident_id":"INC-1","compromise_details":"on a paste site"}`), platform.StackName)
	return nil
}

// startCommand is what a person types to start a runbook: with the AWS CLI where there is one, else with SAM, which waits
// for the end and shows it.
func startCommand(runbook, input string) string {
	if _, err := exec.LookPath("aws"); err != nil {
		return fmt.Sprintf("sam remote invoke %sStateMachine --stack-name %s --event '%s'", runbook, platform.StackName, input)
	}
	return fmt.Sprintf(`aws stepfunctions start-execution --state-machine-arn "$PMDR_%sArn" --input '%s'`, runbook, input)
}

// Down stops the platform and leaves no process.
func Down(_ context.Context, root string, say *progress.Printer) error {
	p, err := platform.Attach(platform.Tools{}, folder(root), say)
	if errors.Is(err, platform.ErrNotRunning) {
		say.Linef("nothing is running")
		return nil
	}
	if err != nil {
		return err
	}
	if err := say.Step("stop the platform", p.Stop); err != nil {
		return err
	}
	return p.Forget()
}

// Status says what runs.
func Status(ctx context.Context, root string, say *progress.Printer) error {
	p, err := platform.Attach(platform.Tools{}, folder(root), say)
	if err != nil {
		return err
	}
	say.Linef("AWS    %s", p.Engine.Endpoint)
	say.Linef("Vault  %s  %s", p.Vault.URL(), p.VaultState(ctx))
	if p.Mail != nil {
		host := platform.MailHost(mailTenant)
		say.Linef("Mail   %s  %s", host, p.Mail.ServerState(ctx, host))
	}
	return nil
}
