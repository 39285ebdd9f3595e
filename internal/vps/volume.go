package vps

import (
	"context"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"

	"github.com/penguinmails/disaster-recovery/internal/fault"
)

// Volume is a disk that can move from server to server within its region.
type Volume struct {
	ID       int64  `json:"id"`
	ServerID int64  `json:"server_id,omitempty"` // 0 means that no server has it
	Region   string `json:"region"`
}

// Volume returns a volume. One that the project does not have is fault.ProviderRefused: data is missing.
func (p *Provider) Volume(ctx context.Context, id int64) (Volume, error) {
	found, response, err := p.cloud.Volume.GetByID(ctx, id)
	if err != nil {
		return Volume{}, faultOf(err, response, "get volume %d", id)
	}
	if found == nil {
		return Volume{}, fault.ProviderRefused.Tellf("the project has no volume %d", id)
	}
	v := Volume{ID: found.ID}
	if found.Location != nil {
		v.Region = found.Location.Name
	}
	if found.Server != nil {
		v.ServerID = found.Server.ID
	}
	return v, nil
}

// DetachVolume takes a volume from its server, which should be off. See it free by Volume.
func (p *Provider) DetachVolume(ctx context.Context, id int64) error {
	v, err := p.Volume(ctx, id)
	if err != nil || v.ServerID == 0 {
		return err
	}
	action, response, err := p.cloud.Volume.Detach(ctx, &hcloud.Volume{ID: id})
	if err != nil {
		return faultOf(err, response, "detach volume %d", id)
	}
	return failed(action, "detach volume %d", id)
}
