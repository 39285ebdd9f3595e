package vps

import (
	"context"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
)

// Protect makes the provider refuse to delete a server, to people too, until a person takes the protection off: its disk
// may hold the only copy of somebody's mail. A server that is gone is beyond protection, and no error.
func (p *Provider) Protect(ctx context.Context, id int64) error {
	s, err := p.get(ctx, id)
	if err != nil || s == nil || s.Protection.Delete {
		return err
	}
	return ask(ctx, s, "protect", func(ctx context.Context, s *hcloud.Server) (*hcloud.Action, *hcloud.Response, error) {
		// The API wants both to have one value.
		return p.cloud.Server.ChangeProtection(ctx, s, hcloud.ServerChangeProtectionOpts{Delete: hcloud.Ptr(true), Rebuild: hcloud.Ptr(true)})
	})
}
