package vps

import (
	"context"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// PowerOff cuts a server's power, without asking its system. See it off by Status before believing it: only then may
// another server take its place. A server that is off or gone stays so.
func (p *Provider) PowerOff(ctx context.Context, id int64) error {
	s, err := p.get(ctx, id)
	if err != nil || s == nil || stateOf(s.Status).Fenced() {
		return err
	}
	return ask(ctx, s, "power off", p.cloud.Server.Poweroff)
}

// Reboot asks a server's system to restart; one that is off is started. What comes of it Status and the server itself
// tell.
func (p *Provider) Reboot(ctx context.Context, id int64) error {
	s, err := p.mustGet(ctx, id)
	if err != nil {
		return err
	}
	if stateOf(s.Status) == Off {
		return ask(ctx, s, "power on", p.cloud.Server.Poweron)
	}
	return ask(ctx, s, "reboot", p.cloud.Server.Reboot)
}

// Delete destroys a server for good; its volumes stay. A server that is gone stays so.
func (p *Provider) Delete(ctx context.Context, id int64) error {
	s, err := p.get(ctx, id)
	if err != nil || s == nil {
		return err
	}
	return ask(ctx, s, "delete", func(ctx context.Context, s *hcloud.Server) (*hcloud.Action, *hcloud.Response, error) {
		result, response, err := p.cloud.Server.DeleteWithResult(ctx, s)
		switch {
		case hcloud.IsError(err, hcloud.ErrorCodeNotFound): // gone since the look
			return nil, response, nil
		case err != nil:
			return nil, response, err
		}
		return result.Action, response, nil
	})
}

// ask sends one request that the provider carries out by and by; an action that has failed already is a refusal.
func ask(ctx context.Context, s *hcloud.Server, what string,
	request func(context.Context, *hcloud.Server) (*hcloud.Action, *hcloud.Response, error)) error {
	action, response, err := request(ctx, s)
	if err != nil {
		return faultOf(err, response, "%s server %d", what, s.ID)
	}
	return failed(action, "%s server %d", what, s.ID)
}

func failed(action *hcloud.Action, format string, args ...any) error {
	if action == nil || action.Status != hcloud.ActionStatusError {
		return nil
	}
	if err := action.Error(); err != nil {
		return faultOf(hcloud.Error{Code: hcloud.ErrorCode(action.ErrorCode), Message: action.ErrorMessage}, nil, format, args...)
	}
	return fault.ProviderRefused.Errorf(format+": the action failed", args...)
}
