package server

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// volume is a directory that moves from server to server, into the /mnt of the one that has it.
type volume struct {
	id       int64
	name     string
	location string
	size     int // GB, as asked for
	server   int64
	dir      string
	labels   map[string]string
	created  time.Time
}

// mount is where the provider's automount puts a volume.
func (v *volume) mount() string { return fmt.Sprintf("mnt/HC_Volume_%d", v.id) }

// plug and unplug are called with p.mu held.
func (v *volume) plug(p *Provider, m *machine) {
	v.server = m.id
	m.volumes = append(m.volumes, v.id)
	v.move(p, v.dir, m.path(v.mount()))
}

func (v *volume) unplug(p *Provider, m *machine) {
	v.server = 0
	m.volumes = slices.DeleteFunc(slices.Clone(m.volumes), func(id int64) bool { return id == v.id })
	v.move(p, m.path(v.mount()), v.dir)
}

func (v *volume) move(p *Provider, from, to string) {
	if err := os.Rename(from, to); err != nil {
		p.log.Printf("volume %d: %v", v.id, err)
	}
}

func (p *Provider) createVolume(r *http.Request) (any, *problem) {
	body, trouble := decode[schema.VolumeCreateRequest](r)
	if trouble != nil {
		return nil, trouble
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	v := &volume{id: p.newID(), name: body.Name, size: body.Size, labels: map[string]string{}, created: now()}
	if body.Labels != nil {
		v.labels = *body.Labels
	}
	var m *machine
	switch {
	case body.Server != nil && p.machines[*body.Server] != nil:
		m = p.machines[*body.Server]
		v.location = m.region
	case body.Location != nil:
		v.location = body.Location.Name
	}
	if _, known := locations[v.location]; !known || v.size < 10 || v.name == "" {
		no := invalid("invalid input in field 'name', 'size', 'location' or 'server'")
		return nil, &no
	}
	v.dir = p.volumeDir(v.id)
	if err := os.MkdirAll(v.dir, 0o755); err != nil {
		p.log.Printf("create volume: %v", err)
		return nil, &problem{http.StatusServiceUnavailable, "service_error", "could not create the volume"}
	}
	p.volumes[v.id] = v
	if m != nil {
		v.plug(p, m)
	}
	done := p.begin("create_volume", func() error { return nil }, onVolume(v.id))
	return schema.VolumeCreateResponse{Volume: v.describe(), Action: &done, NextActions: []schema.Action{}}, nil
}

func (p *Provider) listVolumes(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	query := r.URL.Query()
	var all []schema.Volume
	for _, v := range sorted(p.volumes) {
		if selected(query.Get("label_selector"), v.labels) && (!query.Has("name") || query.Get("name") == v.name) {
			all = append(all, v.describe())
		}
	}
	volumes, meta := page(r, all)
	return struct {
		schema.VolumeListResponse
		schema.MetaResponse
	}{schema.VolumeListResponse{Volumes: volumes}, schema.MetaResponse{Meta: meta}}, nil
}

func (p *Provider) getVolume(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.volumes[pathID(r)]
	if v == nil {
		return nil, &notFound
	}
	return schema.VolumeGetResponse{Volume: v.describe()}, nil
}

func (p *Provider) deleteVolume(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.volumes[pathID(r)]
	switch {
	case v == nil:
		return nil, &notFound
	case v.server != 0:
		return nil, &locked
	}
	delete(p.volumes, v.id)
	_ = os.RemoveAll(v.dir)
	return nil, nil
}

func (p *Provider) attachVolume(r *http.Request) (any, *problem) {
	body, trouble := decode[schema.VolumeActionAttachVolumeRequest](r)
	if trouble != nil {
		return nil, trouble
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	v, m := p.volumes[pathID(r)], p.machines[body.Server]
	switch {
	case v == nil || m == nil:
		return nil, &notFound
	case v.server != 0:
		return nil, &problem{http.StatusUnprocessableEntity, "volume_already_attached", "volume is already attached to a server"}
	case v.location != m.region:
		no := invalid("volume must be in the same location as the server")
		return nil, &no
	}
	v.plug(p, m)
	done := p.begin("attach_volume", func() error { return nil }, onVolume(v.id), onServer(m.id))
	return schema.VolumeActionAttachVolumeResponse{Action: done}, nil
}

func (p *Provider) detachVolume(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.volumes[pathID(r)]
	switch {
	case v == nil:
		return nil, &notFound
	case v.server == 0:
		return nil, &problem{http.StatusUnprocessableEntity, "invalid_input", "volume is not attached to a server"}
	}
	m := p.machines[v.server]
	v.unplug(p, m)
	done := p.begin("detach_volume", func() error { return nil }, onVolume(v.id), onServer(m.id))
	return schema.VolumeActionDetachVolumeResponse{Action: done}, nil
}

func (v *volume) describe() schema.Volume {
	out := schema.Volume{
		ID: v.id, Name: v.name, Status: "available", Location: locations[v.location], Size: v.size, Labels: v.labels, Created: v.created,
		LinuxDevice: fmt.Sprintf("/dev/disk/by-id/scsi-0HC_Volume_%d", v.id),
	}
	if v.server != 0 {
		server := v.server
		out.Server = &server
	}
	return out
}
