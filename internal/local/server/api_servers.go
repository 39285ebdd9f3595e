package server

import (
	"maps"
	"net/http"
	"regexp"
	"slices"

	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

// The provider's locations and types, as far as they matter: ARM types are not offered in every location.
var (
	locations = map[string]schema.Location{
		"fsn1": {ID: 1, Name: "fsn1", Country: "DE", City: "Falkenstein", NetworkZone: "eu-central"},
		"nbg1": {ID: 2, Name: "nbg1", Country: "DE", City: "Nuremberg", NetworkZone: "eu-central"},
		"hel1": {ID: 3, Name: "hel1", Country: "FI", City: "Helsinki", NetworkZone: "eu-central"},
		"ash":  {ID: 4, Name: "ash", Country: "US", City: "Ashburn, VA", NetworkZone: "us-east"},
	}
	serverType = regexp.MustCompile(`^(cx|cpx|cax|ccx)[1-9][0-9]$`)
	armType    = regexp.MustCompile(`^cax`)
	hostName   = regexp.MustCompile(`^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$`)
)

func (p *Provider) createServer(r *http.Request) (any, *problem) {
	body, trouble := decode[schema.ServerCreateRequest](r)
	if trouble != nil {
		return nil, trouble
	}
	if body.Location == "" {
		body.Location = "fsn1"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if trouble := p.mayCreate(body); trouble != nil {
		return nil, trouble
	}
	var authorized []string
	for _, id := range body.SSHKeys {
		authorized = append(authorized, p.keys[id].PublicKey)
	}
	m, err := p.newMachine(body, authorized)
	if err != nil {
		p.log.Printf("create server %s: %v", body.Name, err)
		return nil, &problem{http.StatusServiceUnavailable, "service_error", "could not create the server"}
	}
	p.machines[m.id] = m
	for _, id := range body.Volumes {
		p.volumes[id].plug(p, m)
	}
	answer := schema.ServerCreateResponse{NextActions: []schema.Action{}}
	if body.StartAfterCreate == nil || *body.StartAfterCreate {
		plan := p.planBoot(m)
		answer.Action = p.begin("create_server", func() error { return m.boot(plan) }, onServer(m.id))
	} else {
		m.set(statusOff)
		answer.Action = p.begin("create_server", func() error { return nil }, onServer(m.id))
	}
	answer.Server = p.describe(m)
	return answer, nil
}

// mayCreate checks in the provider's order: the request, the name, the quota, the stock.
func (p *Provider) mayCreate(body schema.ServerCreateRequest) *problem {
	refused := func(message string) *problem { no := invalid(message); return &no }
	_, known := locations[body.Location]
	switch {
	case !hostName.MatchString(body.Name):
		return refused("invalid input in field 'name'")
	case !serverType.MatchString(body.ServerType.Name):
		return refused("server type not found")
	case body.Image.Name == "" && body.Image.ID == 0:
		return refused("image not found")
	case !known:
		return refused("location '" + body.Location + "' not found")
	case armType.MatchString(body.ServerType.Name) && locations[body.Location].NetworkZone != "eu-central":
		return refused("unsupported location for server type")
	}
	for _, id := range body.SSHKeys {
		if p.keys[id] == nil {
			return refused("SSH key not found")
		}
	}
	for _, id := range body.Volumes {
		switch v := p.volumes[id]; {
		case v == nil:
			return refused("volume not found")
		case v.location != body.Location:
			return refused("volume must be in the same location as the server")
		case v.server != 0:
			return &problem{http.StatusUnprocessableEntity, "volume_already_attached", "volume is already attached to a server"}
		}
	}
	for _, m := range p.machines {
		if m.name == body.Name {
			return &nameTaken
		}
	}
	switch {
	case p.faults.Quota > 0 && len(p.machines) >= p.faults.Quota:
		return &quotaUsedUp
	case p.faults.none(body.Location, body.ServerType.Name):
		return &noneLeft
	}
	return nil
}

func (p *Provider) listServers(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	query := r.URL.Query()
	var all []schema.Server
	for _, m := range sorted(p.machines) {
		if selected(query.Get("label_selector"), m.labels) && (!query.Has("name") || query.Get("name") == m.name) {
			all = append(all, p.describe(m))
		}
	}
	servers, meta := page(r, all)
	return struct {
		schema.ServerListResponse
		schema.MetaResponse
	}{schema.ServerListResponse{Servers: servers}, schema.MetaResponse{Meta: meta}}, nil
}

func (p *Provider) getServer(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.machines[pathID(r)]
	if m == nil {
		return nil, &notFound
	}
	return schema.ServerGetResponse{Server: p.describe(m)}, nil
}

func (p *Provider) updateServer(r *http.Request) (any, *problem) {
	body, trouble := decode[schema.ServerUpdateRequest](r)
	if trouble != nil {
		return nil, trouble
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.machines[pathID(r)]
	if m == nil {
		return nil, &notFound
	}
	if body.Name != "" && body.Name != m.name {
		for _, other := range p.machines {
			if other.name == body.Name {
				return nil, &nameTaken
			}
		}
		m.name = body.Name
	}
	if body.Labels != nil {
		m.labels = *body.Labels
	}
	return schema.ServerUpdateResponse{Server: p.describe(m)}, nil
}

// describe is called with p.mu held.
func (p *Provider) describe(m *machine) schema.Server {
	arch := "x86"
	if armType.MatchString(m.kind) {
		arch = "arm"
	}
	labels := maps.Clone(m.labels)
	if labels == nil {
		labels = map[string]string{}
	}
	return schema.Server{
		ID: m.id, Name: m.name, Status: m.state(), Created: m.created, Labels: labels, Locked: p.busy(onServer(m.id)),
		Protection: schema.ServerProtection{Delete: m.kept, Rebuild: m.kept},
		PublicNet: schema.ServerPublicNet{
			IPv4:        schema.ServerPublicNetIPv4{ID: m.id, IP: m.address, DNSPtr: m.ptr},
			FloatingIPs: []int64{}, Firewalls: []schema.ServerFirewall{},
		},
		PrivateNet: []schema.ServerPrivateNet{},
		ServerType: schema.ServerType{ID: 1, Name: m.kind, Description: m.kind, StorageType: "local", CPUType: "shared", Architecture: arch},
		Location:   locations[m.region],
		Image:      &schema.Image{ID: 1, Name: &m.image, Type: "system", Status: "available", Architecture: arch, Created: &m.created},
		Volumes:    append([]int64{}, slices.Sorted(slices.Values(m.volumes))...), LoadBalancers: []int64{},
	}
}
