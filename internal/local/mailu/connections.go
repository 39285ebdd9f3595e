package mailu

import (
	"net"
	"sync"
)

// connections are the open connections to the server's ports, and who has logged in on each of the mail ports'.
type connections struct {
	mu   sync.Mutex
	open map[string]*connection // see key
}

// connection is one of them; user is empty until somebody has logged in.
type connection struct {
	net.Conn
	among *connections
	user  string
	mail  string // the protocol: imap or smtp
}

// key tells connections apart: a client may use one port of its own for two ports here.
func key(local, remote net.Addr) string { return local.String() + " " + remote.String() }

// watched is a listener whose connections are among the open ones until they are closed.
type watched struct {
	net.Listener
	connections *connections
}

func (w watched) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: conn, among: w.connections}
	w.connections.mu.Lock()
	defer w.connections.mu.Unlock()
	w.connections.open[key(conn.LocalAddr(), conn.RemoteAddr())] = c
	return c, nil
}

// Close leaves the open ones.
func (c *connection) Close() error {
	c.among.mu.Lock()
	if k := key(c.LocalAddr(), c.RemoteAddr()); c.among.open[k] == c {
		delete(c.among.open, k)
	}
	c.among.mu.Unlock()
	return c.Conn.Close()
}

// loggedIn notes whose connection it is.
func (c *connections) loggedIn(local, remote net.Addr, user, protocol string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one := c.open[key(local, remote)]; one != nil {
		one.user, one.mail = user, protocol
	}
}

// cut ends every session of a user, of one protocol or of all, and counts them.
func (c *connections) cut(user, protocol string) (sessions int) {
	c.mu.Lock()
	var ended []*connection
	for _, one := range c.open {
		if one.user == user && (protocol == "" || one.mail == protocol) {
			ended = append(ended, one)
		}
	}
	c.mu.Unlock()
	for _, one := range ended {
		_ = one.Close() // its client went away in this moment
	}
	return len(ended)
}
