package up

import (
	"context"
	"errors"

	"github.com/penguinmails/disaster-recovery/internal/local/platform"
	"github.com/penguinmails/disaster-recovery/internal/local/progress"
)

// LoseVault is the disaster, on request: the node is killed, its disk wiped, an empty one started in its place.
func LoseVault(ctx context.Context, root string, say *progress.Printer) error {
	p, err := platform.Attach(platform.Tools{}, folder(root), say)
	if err != nil {
		return err
	}
	if err := p.LoseVault(); err != nil {
		return err
	}
	if err := p.StartVault(ctx); err != nil {
		return err
	}
	if err := p.Save(); err != nil {
		return err
	}
	say.Linef("Vault is lost; an empty one listens at %s", p.Vault.URL())
	return nil
}

// LoseServer is the other one: the tenant's mail server is dead.
func LoseServer(ctx context.Context, root string, say *progress.Printer) error {
	p, err := platform.Attach(platform.Tools{}, folder(root), say)
	if err != nil {
		return err
	}
	if p.Mail == nil {
		return errors.New("this platform has no mail servers; start one anew with: make down up")
	}
	host := platform.MailHost(mailTenant)
	if err := p.Mail.LoseServer(ctx, host); err != nil {
		return err
	}
	say.Linef("The mail server of %s is lost: %s, %s", mailTenant, host, p.Mail.ServerState(ctx, host))
	return nil
}
