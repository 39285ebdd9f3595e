package mailu

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/secret"
)

// Tenant is what these steps need of the registry's.
type Tenant struct {
	ID       string   `json:"tenant_id"`
	Hostname string   `json:"hostname"`
	Domains  []string `json:"domains"`
	// CredentialID is the one credential that may be installed.
	CredentialID string `json:"credential_id"`
}

// Validate refuses a tenant that no server could be made for.
func (t Tenant) Validate() error {
	switch {
	case t.ID == "":
		return errors.New("tenant.tenant_id is missing")
	case !hostname.MatchString(t.Hostname):
		return errors.New("tenant.hostname is no host name")
	case len(t.Domains) == 0:
		return errors.New("tenant.domains is empty")
	case t.CredentialID == "":
		return errors.New("tenant.credential_id is missing")
	}
	for _, d := range t.Domains {
		if !hostname.MatchString(d) {
			return errors.New("tenant.domains holds what is no domain")
		}
	}
	return nil
}

// Server is where a tenant's server is.
type Server struct {
	// Address is the server's IP address; ":port" may follow where SSH is not on port 22.
	Address string `json:"address"`
	// HostKey is the SSH host key to pin: "ssh-ed25519 AAAA…".
	HostKey string `json:"host_key"`
}

// Validate refuses a server that could be any other.
func (s Server) Validate() error {
	switch {
	case s.Address == "":
		return errors.New("server.address is missing")
	case s.HostKey == "":
		return errors.New("server.host_key is missing")
	}
	return nil
}

// ssh is the address of the server's SSH.
func (s Server) ssh() string {
	if _, _, err := net.SplitHostPort(s.Address); err == nil {
		return s.Address
	}
	return net.JoinHostPort(s.Address, "22")
}

// ip is the address that the mail ports listen on: the server's own, and no other that it may have.
func (s Server) ip() (netip.Addr, error) {
	host, _, err := net.SplitHostPort(s.ssh())
	if err != nil {
		return netip.Addr{}, fault.InvalidInput.Tellf("server.address is no address")
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Is4() {
		return netip.Addr{}, fault.InvalidInput.Tellf("server.address is no IPv4 address")
	}
	return ip, nil
}

// Where things are on every server.
const (
	sshUser = "root"
	// apiAddress is the API as the server itself sees it: templates/docker-compose.yml publishes it there.
	apiAddress = "127.0.0.1:8080"
)

// within opens the server and the API behind it for the time of use.
func (s Server) within(ctx context.Context, key, token secret.String, use func(*Client) error) error {
	session, err := remote.Dial(ctx, s.ssh(), sshUser, key, s.HostKey)
	if err != nil {
		return err
	}
	defer session.Close()
	return use(apiThrough(session, token))
}

func apiThrough(session *remote.Session, token secret.String) *Client {
	return NewClient("http://"+apiAddress, token, session.Transport(apiAddress))
}
