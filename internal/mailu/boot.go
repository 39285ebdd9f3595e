package mailu

import (
	"context"
	"net/netip"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/secret"
	"github.com/penguinmails/disaster-recovery/internal/vps"
)

// Starter knows what a bare machine needs to become a tenant's server, and sees whether it has come that far. It needs
// the tenant's SSH key, which must not travel through the state machine.
type Starter struct{ Login Login }

var (
	_ vps.Booter = Starter{}
	_ vps.Door   = Starter{}
)

// Boot is the first boot of one attempt's server. CredentialMissing, where Vault has no SSH key for the tenant.
func (s Starter) Boot(ctx context.Context, tenantID, attempt, volumeID string) (vps.Boot, error) {
	key, err := s.key(ctx, tenantID)
	if err != nil {
		return vps.Boot{}, err
	}
	authorized, err := remote.PublicLine(key)
	if err != nil {
		return vps.Boot{}, err
	}
	host, err := remote.Bootstrap(key, attempt)
	if err != nil {
		return vps.Boot{}, err
	}
	data, err := Machine{
		HostKey: host.Private(), HostKeyPublic: host.Public, AuthorizedKey: authorized, VolumeID: volumeID,
	}.UserData()
	if err != nil {
		return vps.Boot{}, err
	}
	return vps.Boot{AuthorizedKey: authorized, HostKey: host.Public, UserData: secret.New(data)}, nil
}

// Open reports whether a server's first boot is over. Not to answer yet is no fault; another host key is.
func (s Starter) Open(ctx context.Context, tenantID string, ip netip.Addr, hostKey string) (bool, error) {
	return s.open(ctx, tenantID, Server{Address: ip.String(), HostKey: hostKey})
}

func (s Starter) open(ctx context.Context, tenantID string, at Server) (bool, error) {
	key, err := s.key(ctx, tenantID)
	if err != nil {
		return false, err
	}
	next, err := remote.Successor(key, at.HostKey)
	if err != nil {
		return false, err
	}
	session, err := remote.Dial(ctx, at.ssh(), sshUser, key, at.HostKey, next.Public)
	if fault.Is(err, fault.ServerUnreachable) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer session.Close()
	prepared, err := session.Exists(ctx, PreparedMarker)
	if fault.Is(err, fault.ServerUnreachable) {
		return false, nil
	}
	return prepared, err
}

func (s Starter) key(ctx context.Context, tenantID string) (secret.String, error) {
	secrets, logout, err := s.Login(ctx)
	if err != nil {
		return secret.String{}, err
	}
	defer logout()
	return sshKey(ctx, secrets, tenantID)
}
