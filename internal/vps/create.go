package vps

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/hetznercloud/hcloud-go/v2/hcloud"
	"golang.org/x/crypto/ssh"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Spec describes a server to make.
type Spec struct {
	TenantID string
	Name     string // a host name, unique in the project: the provider itself refuses a second one
	Type     string // `cx32`
	Image    string // `debian-12`
	// Regions are tried in turn, `fsn1` first and `nbg1` if it is full. With a volume there is no choice: a server must
	// be where its volume is.
	Regions  []string
	SSHKey   string            // the public key that may log in, in authorized_keys form
	UserData secret.String     // for cloud-init; the provider can read it
	Labels   map[string]string // LabelRole and LabelAttempt at least; LabelTenant is added
	VolumeID int64             // 0 means none; a volume must be detached from its former server first
}

// secondLook is the time for looking whether a creation took effect whose own time was up.
const secondLook = 10 * time.Second

// Create makes a server, or returns the one that an earlier call with the same labels made. It comes back Starting.
//
// The provider may act and fail to say so: after an answer that leaves it open Create looks again, and never goes on to
// another region. Should the server appear later still, the next call finds it by its labels, and until then the
// provider refuses the name.
func (p *Provider) Create(ctx context.Context, spec Spec) (Server, error) {
	labels := maps.Clone(spec.Labels)
	if spec.TenantID == "" || labels[LabelRole] == "" || labels[LabelAttempt] == "" {
		return Server{}, fault.InvalidInput.Tellf("a server needs a tenant, a role and an attempt by which it is found again")
	}
	labels[LabelTenant] = spec.TenantID
	if s, ok, err := p.oldest(ctx, labels); err != nil || ok {
		return s, err
	}
	opts := hcloud.ServerCreateOpts{
		Name: spec.Name, Labels: labels, UserData: spec.UserData.Reveal(),
		ServerType: &hcloud.ServerType{Name: spec.Type}, Image: &hcloud.Image{Name: spec.Image},
	}
	if err := opts.Validate(); err != nil {
		return Server{}, fault.InvalidInput.Errorf("create server: %w", err)
	}
	key, err := p.ensureKey(ctx, spec.SSHKey)
	if err != nil {
		return Server{}, err
	}
	opts.SSHKeys = []*hcloud.SSHKey{key}
	regions := spec.Regions
	if spec.VolumeID != 0 {
		volume, err := p.Volume(ctx, spec.VolumeID)
		if err != nil {
			return Server{}, err
		}
		if volume.ServerID != 0 {
			return Server{}, fault.ProviderRefused.Tellf("volume %d is still attached to server %d", volume.ID, volume.ServerID)
		}
		regions = []string{volume.Region}
		opts.Volumes, opts.Automount = []*hcloud.Volume{{ID: volume.ID}}, hcloud.Ptr(true)
	}
	if len(regions) == 0 {
		return Server{}, fault.InvalidInput.Tellf("a server needs a region")
	}
	return p.createInOneOf(ctx, regions, opts)
}

func (p *Provider) createInOneOf(ctx context.Context, regions []string, opts hcloud.ServerCreateOpts) (Server, error) {
	var full []error
	for _, region := range regions {
		opts.Location = &hcloud.Location{Name: region}
		result, response, err := p.cloud.Server.Create(ctx, opts)
		if err == nil {
			return serverOf(result.Server), nil
		}
		if elsewhere(err) {
			full = append(full, fmt.Errorf("%s: %w", region, err))
			continue
		}
		named := faultOf(err, response, "create server %s in %s", opts.Name, region)
		nameTaken := hcloud.IsError(err, hcloud.ErrorCodeUniquenessError)
		if !nameTaken && !fault.Is(named, fault.ProviderUnavailable) {
			return Server{}, named
		}
		s, ok, lookErr := p.lookAgain(ctx, opts.Labels)
		switch {
		case ok:
			return s, nil
		case lookErr != nil:
			return Server{}, fault.ProviderUnavailable.Errorf("%w; then: %w", named, lookErr)
		case nameTaken:
			return Server{}, fault.ProviderRefused.Tellf("a server named %s exists already and does not belong to this run", opts.Name)
		}
		return Server{}, named
	}
	text := fmt.Sprintf("type %s is not to be had in %s", opts.ServerType.Name, strings.Join(regions, ", "))
	return Server{}, refuse(text, "create server "+opts.Name, errors.Join(full...))
}

func (p *Provider) lookAgain(ctx context.Context, labels map[string]string) (Server, bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), secondLook)
	defer cancel()
	return p.oldest(ctx, labels)
}

func (p *Provider) oldest(ctx context.Context, labels map[string]string) (Server, bool, error) {
	found, err := p.Find(ctx, labels)
	if err != nil || len(found) == 0 {
		return Server{}, false, err
	}
	return found[0], true, nil
}

// ensureKey registers a public key with the project if it is not there yet. The provider tells keys apart by their MD5
// fingerprint.
func (p *Provider) ensureKey(ctx context.Context, authorized string) (*hcloud.SSHKey, error) {
	public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(authorized))
	if err != nil {
		return nil, fault.InvalidInput.Errorf("public key of the administrator: %w", err)
	}
	fingerprint := ssh.FingerprintLegacyMD5(public)
	find := func() (*hcloud.SSHKey, error) {
		key, response, err := p.cloud.SSHKey.GetByFingerprint(ctx, fingerprint)
		return key, faultOf(err, response, "find SSH key %s", fingerprint)
	}
	if key, err := find(); err != nil || key != nil {
		return key, err
	}
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public)))
	key, response, err := p.cloud.SSHKey.Create(ctx, hcloud.SSHKeyCreateOpts{Name: "dr-" + strings.ReplaceAll(fingerprint, ":", ""), PublicKey: line})
	if hcloud.IsError(err, hcloud.ErrorCodeUniquenessError) {
		if key, err := find(); err != nil || key != nil { // another execution was faster
			return key, err
		}
	}
	return key, faultOf(err, response, "register SSH key %s", fingerprint)
}
