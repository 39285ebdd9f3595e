package vps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// ProvisionInput describes the tenant's new server.
type ProvisionInput struct {
	TenantID string   `json:"tenant_id"`
	Fencing  int64    `json:"fencing"`
	Hostname string   `json:"hostname"`
	Type     string   `json:"type"`
	Regions  []string `json:"regions"`
	// GivenIP and GivenHostKey name a server of our project that a person has set up; then none is ordered.
	GivenIP      netip.Addr `json:"given_ip"`
	GivenHostKey string     `json:"given_host_key"`
	// VolumeID is the disk with the tenant's mailboxes, which moves along; empty where there is none.
	VolumeID  string         `json:"volume_id"`
	Execution task.Execution `json:"execution"`
}

// Validate refuses an input that the provider could make no server of.
func (in ProvisionInput) Validate() error {
	if in.TenantID == "" || in.Hostname == "" || in.Type == "" || len(in.Regions) == 0 || in.Fencing < 1 {
		return errors.New("tenant_id, fencing, hostname, type or regions is missing")
	}
	if in.GivenIP.IsValid() != (in.GivenHostKey != "") {
		return errors.New("given_ip and given_host_key name a server together or not at all")
	}
	return in.Execution.Validate()
}

// Provisioned is the server as it was ordered; CheckVps sees it up.
type Provisioned struct {
	ServerID string `json:"server_id"`
	Region   string `json:"region"`
	// HostKey is the public half of the server's host key. Of a server that was ordered here it is the bootstrap key: good
	// for one login, because user-data brought it and the provider can read that.
	HostKey   string `json:"host_key"`
	Bootstrap bool   `json:"bootstrap"`
}

// Boot is what a fresh server starts with.
type Boot struct {
	// AuthorizedKey is the public key that may log in.
	AuthorizedKey string
	// HostKey is the public half of the bootstrap host key, UserData the cloud-init document with its private half.
	HostKey  string
	UserData secret.String
}

// Booter makes the boot of one attempt; the same attempt gets the same.
type Booter interface {
	Boot(ctx context.Context, tenantID, attempt, volumeID string) (Boot, error)
}

// Provisioner is the step ProvisionVps.
type Provisioner struct {
	Project Project
	Lease   Lease
	Boots   Booter
}

// image is the system that the user-data is written for.
const image = "ubuntu-24.04"

// Provision orders the server, or finds the one that an earlier attempt of this step ordered.
func (p Provisioner) Provision(ctx context.Context, in ProvisionInput) (Provisioned, error) {
	if in.GivenIP.IsValid() {
		return p.given(ctx, in)
	}
	boot, err := p.Boots.Boot(ctx, in.TenantID, attempt(in.Execution.ARN), in.VolumeID)
	if err != nil {
		return Provisioned{}, err
	}
	if err := p.Lease.Guard(ctx, in.TenantID, in.Fencing); err != nil {
		return Provisioned{}, err
	}
	provider, err := p.Project.Open(ctx)
	if err != nil {
		return Provisioned{}, err
	}
	labels := built(in.TenantID, in.Execution.ARN)
	volume, err := free(ctx, provider, in.VolumeID, labels)
	if err != nil {
		return Provisioned{}, err
	}
	server, err := provider.Create(ctx, Spec{
		TenantID: in.TenantID, Name: serverName(in.Hostname, in.Fencing), Type: in.Type, Image: image, Regions: in.Regions,
		SSHKey: boot.AuthorizedKey, UserData: boot.UserData, Labels: labels, VolumeID: volume,
	})
	if err != nil {
		return Provisioned{}, err
	}
	if server.ID == 0 {
		return Provisioned{}, fault.ProviderUnavailable.Errorf("the provider made a server without an id")
	}
	return Provisioned{
		ServerID: strconv.FormatInt(server.ID, 10), Region: server.Region, HostKey: boot.HostKey, Bootstrap: true,
	}, nil
}

// given finds the server that a person has set up. One that is not in our own project is refused: the tenant's secrets
// go there.
func (p Provisioner) given(ctx context.Context, in ProvisionInput) (Provisioned, error) {
	if err := p.Lease.Guard(ctx, in.TenantID, in.Fencing); err != nil {
		return Provisioned{}, err
	}
	provider, err := p.Project.Open(ctx)
	if err != nil {
		return Provisioned{}, err
	}
	server, ok, err := provider.FindByIP(ctx, in.GivenIP)
	if err != nil {
		return Provisioned{}, err
	}
	if !ok {
		return Provisioned{}, fault.ProviderRefused.Tellf("our project has no server with the address %s", in.GivenIP)
	}
	return Provisioned{ServerID: strconv.FormatInt(server.ID, 10), Region: server.Region, HostKey: in.GivenHostKey}, nil
}

// free takes the tenant's volume from the fenced server. The provider does that in its own time; until then the step is
// to be tried again. The server that an earlier attempt of this step made, with the labels mine, keeps the volume: Create
// finds it, and a new server too is off for a moment before it first starts.
func free(ctx context.Context, provider *Provider, volumeID string, mine map[string]string) (int64, error) {
	if volumeID == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(volumeID, 10, 64)
	if err != nil || id < 1 {
		return 0, fault.InvalidInput.Tellf("%q is no volume id of this provider", volumeID)
	}
	volume, err := provider.Volume(ctx, id)
	if err != nil || volume.ServerID == 0 {
		return id, err
	}
	holder, err := provider.Get(ctx, volume.ServerID)
	if err != nil || !holder.State.Fenced() || holder.Labels[LabelAttempt] == mine[LabelAttempt] {
		return id, err // Create finds its own server, or refuses one that runs
	}
	if err := provider.DetachVolume(ctx, id); err != nil {
		return 0, err
	}
	return 0, fault.ProviderUnavailable.Errorf("volume %d is being detached", id)
}

// roleMail is the role label of a tenant's mail server.
const roleMail = "mail"

// built are the labels of what an execution builds for a tenant.
func built(tenantID, execution string) map[string]string {
	return map[string]string{LabelTenant: tenantID, LabelRole: roleMail, LabelAttempt: attempt(execution)}
}

// attempt stands for the execution in a label: its ARN is too long for one.
func attempt(execution string) string {
	sum := sha256.Sum256([]byte(execution))
	return hex.EncodeToString(sum[:16])
}

// serverName is unique for each time that the tenant is built anew: "mail-acme-example-7".
func serverName(hostname string, fencing int64) string {
	name := strings.ReplaceAll(hostname, ".", "-")
	suffix := "-" + strconv.FormatInt(fencing, 10)
	return name[:min(len(name), 63-len(suffix))] + suffix
}
