package remote

import (
	"context"
	"net"
	"net/http"
)

// Tunnel connects to an address as the server sees it, such as "127.0.0.1:8080". Where nothing listens it is
// ServerUnreachable. The connection knows no deadlines: close it.
func (s *Session) Tunnel(ctx context.Context, address string) (net.Conn, error) {
	conn, err := s.client.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, s.failed(ctx, "connect to "+address, err)
	}
	return conn, nil
}

// Transport sends every HTTP request to one address as the server sees it, whatever host its URL names.
func (s *Session) Transport(address string) http.RoundTripper {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.Tunnel(ctx, address) },
	}
}
