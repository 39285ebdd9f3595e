package remotetest

import (
	"net"
	"slices"
	"strconv"

	"github.com/gliderlabs/ssh"
	gossh "golang.org/x/crypto/ssh"
)

// Forward makes tunnels to one address of the server ("127.0.0.1:8080") end at another, where the test has something
// listening. Every other loopback address is itself.
func (s *Server) Forward(address, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forwards[address] = to
}

// Drop makes tunnels to one address find nobody, and nobody who refuses: a firewall takes every packet.
func (s *Server) Drop(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped = append(s.dropped, address)
}

// destination is the start of a direct-tcpip request: RFC 4254, section 7.2.
type destination struct {
	Host       string
	Port       uint32
	OriginHost string
	OriginPort uint32
}

func (s *Server) tunnel(server *ssh.Server, conn *gossh.ServerConn, channel gossh.NewChannel, ctx ssh.Context) {
	var d destination
	if err := gossh.Unmarshal(channel.ExtraData(), &d); err != nil {
		_ = channel.Reject(gossh.ConnectionFailed, "unreadable request")
		return
	}
	address := net.JoinHostPort(d.Host, strconv.Itoa(int(d.Port)))
	s.mu.Lock()
	to, ok := s.forwards[address]
	dropped := slices.Contains(s.dropped, address)
	s.mu.Unlock()
	if dropped {
		<-ctx.Done()
		return
	}
	if ok {
		host, port, _ := net.SplitHostPort(to)
		number, _ := strconv.Atoi(port)
		d.Host, d.Port = host, uint32(number)
	}
	ssh.DirectTCPIPHandler(server, conn, redirected{channel, gossh.Marshal(d)}, ctx)
}

// redirected is a request for another destination.
type redirected struct {
	gossh.NewChannel
	extra []byte
}

func (r redirected) ExtraData() []byte { return r.extra }
