package platform

import (
	"context"
	"fmt"
	"net"
	"slices"

	"github.com/penguinmails/disaster-recovery/internal/local/server"
)

// LoseServer is the disaster of one tenant: the server that DNS names fails as hardware does, and never answers again,
// while its provider goes on to call it running.
func (m *Mail) LoseServer(ctx context.Context, host string) error {
	addresses, err := m.Resolver().LookupHost(ctx, host)
	if err != nil {
		return err
	}
	provider := server.Control{URL: m.At.Control}
	servers, err := provider.Servers(ctx)
	if err != nil {
		return err
	}
	for _, s := range servers {
		if slices.Contains(addresses, s.Address) {
			return provider.Crash(ctx, s.ID, false)
		}
	}
	return fmt.Errorf("%s is at %v, and no server is there", host, addresses)
}

// ServerState is where DNS says that a mail server is, and whether it lets mail programs in, in a few words.
func (m *Mail) ServerState(ctx context.Context, host string) string {
	addresses, err := m.Resolver().LookupHost(ctx, host)
	if err != nil {
		return "not in DNS"
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(addresses[0], "993"))
	if err != nil {
		return addresses[0] + "  does not answer"
	}
	_ = conn.Close()
	return addresses[0] + "  answers"
}
