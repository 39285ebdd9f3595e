package faults

import (
	"context"
	"net"
	"net/http"
)

// DialTo connects to an HTTP upstream, host:port, through the proxy: the requests on this connection go there, past the
// rules. Where the upstream does not listen the connection is refused, as without the proxy.
func (p *Proxy) DialTo(ctx context.Context, upstream string) (net.Conn, error) {
	var dialer net.Dialer
	direct, err := dialer.DialContext(ctx, "tcp", upstream)
	if err != nil {
		return nil, err
	}
	if err := direct.Close(); err != nil {
		return nil, err
	}
	conn, err := dialer.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dialled[conn.LocalAddr().String()] = "http://" + upstream
	return conn, nil
}

// forget drops the upstream of a connection that has ended: its address is given away again.
func (p *Proxy) forget(conn net.Conn, state http.ConnState) {
	if state == http.StateClosed {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.dialled, conn.RemoteAddr().String())
	}
}
