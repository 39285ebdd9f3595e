// Package vps speaks to the provider of the tenants' mail servers, Hetzner Cloud, in the narrow vocabulary of a
// recovery: find a server again, make one, see what state it is in, cut its power, move its volume, name its address.
//
// A call asks the provider for something and returns; it never waits for the outcome. Whether a server is off, a volume
// moved or a name set is asked afterwards, by Get, Volume and ReverseDNS: what counts is what the world looks like, not
// what a job number says. Calls are safe to repeat: what is already so is not asked for again.
//
// Errors are fault.ProviderUnavailable (the same call may succeed later) and fault.ProviderRefused (it will not).
package vps

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"golang.org/x/net/http/httpguts"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Options say which project to speak to.
type Options struct {
	Token    secret.String // of the provider's project, with read and write access
	Endpoint string        // the API's base URL; empty means the provider's own
	Timeout  time.Duration // of one HTTP call; 0 means 15 s
}

// Provider is a client of one project.
type Provider struct{ cloud *hcloud.Client }

// New returns a client. It speaks to nobody yet; a token or endpoint that cannot be used is
// fault.InvalidConfiguration.
func New(o Options) (*Provider, error) {
	if token := o.Token.Reveal(); token == "" || !httpguts.ValidHeaderFieldValue(token) {
		return nil, fault.InvalidConfiguration.Tellf("the server provider's token is empty or malformed")
	}
	if o.Endpoint == "" {
		o.Endpoint = hcloud.Endpoint
	}
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Second
	}
	return &Provider{hcloud.NewClient(
		hcloud.WithToken(o.Token.Reveal()),
		hcloud.WithEndpoint(o.Endpoint),
		hcloud.WithApplication("penguinmails-disaster-recovery", ""),
		hcloud.WithHTTPClient(&http.Client{Timeout: o.Timeout}),
		// The client would repeat even the creation of a server after a time-out. Repeating is the state machine's
		// part, which looks first.
		hcloud.WithRetryOpts(hcloud.RetryOpts{MaxRetries: 0}),
	)}, nil
}

// The labels by which a server is found again. A value has at most 63 characters, letters, digits and inner `-_.`: an
// execution's ARN does not fit, its name does.
const (
	LabelTenant  = "tenant"
	LabelRole    = "role"
	LabelAttempt = "attempt" // the execution that made the server
)

// Server is what the provider says of a server.
type Server struct {
	ID        int64             `json:"id"`
	Name      string            `json:"name"`
	State     State             `json:"state"`
	IPv4      netip.Addr        `json:"ip,omitzero"`
	IPv6      netip.Addr        `json:"ipv6,omitzero"` // the first address of its /64 network
	Region    string            `json:"region"`
	Type      string            `json:"type"`
	VolumeIDs []int64           `json:"volume_ids,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Created   time.Time         `json:"created,omitzero"`
	Protected bool              `json:"protected,omitempty"` // the provider deletes it for nobody
}

// State is what a server does, as the provider sees it from outside: a running one may still not answer.
type State string

// The states of a server. Only Off and Gone mean that it does nothing any more.
const (
	Off      State = "off"
	Starting State = "starting" // also while it is made, rebuilt or moved
	Running  State = "running"
	Stopping State = "stopping" // also while it is deleted
	Gone     State = "gone"     // the project has no such server
	Unknown  State = "unknown"  // the provider does not know
)

// Fenced reports whether a server in this state can do no harm.
func (s State) Fenced() bool { return s == Off || s == Gone }

func stateOf(status hcloud.ServerStatus) State {
	switch status {
	case hcloud.ServerStatusOff:
		return Off
	case hcloud.ServerStatusRunning:
		return Running
	case hcloud.ServerStatusInitializing, hcloud.ServerStatusStarting, hcloud.ServerStatusRebuilding, hcloud.ServerStatusMigrating:
		return Starting
	case hcloud.ServerStatusStopping, hcloud.ServerStatusDeleting:
		return Stopping
	}
	return Unknown
}

// Get returns a server. One that the project does not have comes back in the state Gone, and is no error.
func (p *Provider) Get(ctx context.Context, id int64) (Server, error) {
	found, err := p.get(ctx, id)
	if err != nil {
		return Server{}, err
	}
	if found == nil {
		return Server{ID: id, State: Gone}, nil
	}
	return serverOf(found), nil
}

// Status is the state of a server.
func (p *Provider) Status(ctx context.Context, id int64) (State, error) {
	s, err := p.Get(ctx, id)
	return s.State, err
}

// Find returns the servers that carry all of the labels, the oldest first.
func (p *Provider) Find(ctx context.Context, labels map[string]string) ([]Server, error) {
	selector, err := selectorOf(labels)
	if err != nil {
		return nil, err
	}
	found, err := p.cloud.Server.AllWithOpts(ctx, hcloud.ServerListOpts{ListOpts: hcloud.ListOpts{LabelSelector: selector}})
	if err != nil {
		return nil, faultOf(err, nil, "find servers with %s", selector)
	}
	servers := make([]Server, len(found))
	for i, one := range found {
		servers[i] = serverOf(one)
	}
	slices.SortFunc(servers, func(a, b Server) int { return int(a.ID - b.ID) })
	return servers, nil
}

// FindByIP returns the project's server with this public address; ok is false if none has it.
func (p *Provider) FindByIP(ctx context.Context, ip netip.Addr) (s Server, ok bool, err error) {
	all, err := p.cloud.Server.All(ctx)
	if err != nil {
		return Server{}, false, faultOf(err, nil, "find the server with address %s", ip)
	}
	for _, one := range all {
		if s := serverOf(one); s.IPv4 == ip || s.IPv6 == ip {
			return s, true, nil
		}
	}
	return Server{}, false, nil
}

func (p *Provider) get(ctx context.Context, id int64) (*hcloud.Server, error) {
	found, response, err := p.cloud.Server.GetByID(ctx, id)
	if err != nil {
		return nil, faultOf(err, response, "get server %d", id)
	}
	return found, nil
}

// mustGet is for calls that make no sense without the server.
func (p *Provider) mustGet(ctx context.Context, id int64) (*hcloud.Server, error) {
	found, err := p.get(ctx, id)
	if err == nil && found == nil {
		err = fault.ProviderRefused.Tellf("the project has no server %d", id)
	}
	return found, err
}

func selectorOf(labels map[string]string) (string, error) {
	checked := make(map[string]any, len(labels))
	var terms []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		checked[key] = labels[key]
		terms = append(terms, key+"="+labels[key])
	}
	if ok, err := hcloud.ValidateResourceLabels(checked); !ok {
		return "", fault.InvalidInput.Errorf("labels of a server: %w", err)
	}
	if len(terms) == 0 {
		return "", fault.InvalidInput.Tellf("a search for servers without labels would find them all")
	}
	return strings.Join(terms, ","), nil
}

func serverOf(s *hcloud.Server) Server {
	out := Server{ID: s.ID, Name: s.Name, State: stateOf(s.Status), Labels: s.Labels, Created: s.Created, Protected: s.Protection.Delete}
	if s.Location != nil {
		out.Region = s.Location.Name
	}
	if s.ServerType != nil {
		out.Type = s.ServerType.Name
	}
	if ip, ok := netip.AddrFromSlice(s.PublicNet.IPv4.IP); ok {
		out.IPv4 = ip.Unmap()
	}
	if ip, ok := netip.AddrFromSlice(s.PublicNet.IPv6.IP); ok && ip.Is6() {
		out.IPv6 = ip.Next() // the provider names the network, `…::`; the server answers at `…::1`
	}
	for _, v := range s.Volumes {
		out.VolumeIDs = append(out.VolumeIDs, v.ID)
	}
	return out
}

// String names the server in logs.
func (s Server) String() string { return fmt.Sprintf("server %d (%s)", s.ID, s.Name) }
