// Package dns is the name server of the local platform: it answers, with authority, from the Route 53 zones of the local
// AWS engine, so that what the world would see of a change can be seen on this machine.
//
// Every question reads the zone anew: a change shows in the first answer after it, as it does on AWS once it is in sync. A
// server that lags behind does not see it until it catches up.
package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/miekg/dns"
)

// Zones are the calls of Route 53 that answering needs.
type Zones interface {
	ListHostedZones(context.Context, *route53.ListHostedZonesInput, ...func(*route53.Options)) (*route53.ListHostedZonesOutput, error)
	ListResourceRecordSets(context.Context, *route53.ListResourceRecordSetsInput, ...func(*route53.Options)) (*route53.ListResourceRecordSetsOutput, error)
}

// Options say what a server answers, and where.
type Options struct {
	Zones Zones
	// Reverse is the name that the owner of an address has set for it; empty for an address without one. It answers all of
	// in-addr.arpa and ip6.arpa. Without it, reverse questions are refused.
	Reverse func(netip.Addr) string
	// Addr is the loopback host:port to serve, both UDP and TCP; 127.0.0.1 and any free port if empty.
	Addr string
	// Failed, if set, is told why a question was answered with SERVFAIL.
	Failed func(error)
}

// Server is a running name server.
type Server struct {
	Addr string // host:port

	options  Options
	zones    atomic.Pointer[Zones] // what is answered from: the present, or the past
	ctx      context.Context       // of every question
	cancel   context.CancelFunc
	udp, tcp *dns.Server
	ended    chan error // one for each of the two
}

// Start starts a server and returns when it answers.
func Start(o Options) (*Server, error) {
	conn, listener, err := listen(o.Addr)
	if err != nil {
		return nil, fmt.Errorf("start local name server: %w", err)
	}
	s := &Server{Addr: listener.Addr().String(), options: o, ended: make(chan error, 2)}
	s.CatchUp()
	s.ctx, s.cancel = context.WithCancel(context.Background())
	var started sync.WaitGroup
	started.Add(2)
	s.udp = &dns.Server{PacketConn: conn, Handler: s, NotifyStartedFunc: started.Done}
	s.tcp = &dns.Server{Listener: listener, Handler: s, NotifyStartedFunc: started.Done}
	go func() { s.ended <- s.udp.ActivateAndServe() }()
	go func() { s.ended <- s.tcp.ActivateAndServe() }()
	started.Wait()
	return s, nil
}

// Stop ends the server and what it is answering.
func (s *Server) Stop() error {
	s.cancel()
	return errors.Join(s.udp.Shutdown(), s.tcp.Shutdown(), <-s.ended, <-s.ended)
}

// listen takes the same port for UDP and TCP. A port that TCP has free may be taken for UDP: where the choice is ours,
// the next one is tried.
func listen(addr string) (net.PacketConn, net.Listener, error) {
	free := addr == ""
	if free {
		addr = "127.0.0.1:0"
	}
	for {
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, nil, err
		}
		conn, err := net.ListenPacket("udp", listener.Addr().String())
		if err == nil {
			return conn, listener, nil
		}
		err = errors.Join(err, listener.Close())
		if !free || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, nil, err
		}
	}
}

// patience is how long reading a zone may take.
const patience = 5 * time.Second

// ServeDNS answers one question.
func (s *Server) ServeDNS(w dns.ResponseWriter, asked *dns.Msg) {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	reply := s.reply(ctx, asked)
	size := dns.MinMsgSize
	if edns := asked.IsEdns0(); edns != nil {
		size = max(size, int(edns.UDPSize()))
		reply.SetEdns0(dns.DefaultMsgSize, false)
	}
	if w.LocalAddr().Network() == "tcp" {
		size = dns.MaxMsgSize
	}
	reply.Truncate(size)
	_ = w.WriteMsg(reply) // who asked has gone, and will ask again
}

// reply is everything but the size. A zone that cannot be read is a failure of the server.
func (s *Server) reply(ctx context.Context, asked *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(asked)
	refuse := func(code int) *dns.Msg { m.Rcode = code; return m }
	if asked.Opcode != dns.OpcodeQuery {
		return refuse(dns.RcodeNotImplemented)
	}
	q := asked.Question[0] // the library lets only messages with one question through
	if q.Qclass != dns.ClassINET || q.Qtype == dns.TypeAXFR || q.Qtype == dns.TypeIXFR {
		return refuse(dns.RcodeRefused)
	}
	zone, err := s.zoneOf(ctx, dns.CanonicalName(q.Name))
	switch {
	case err != nil:
		if s.options.Failed != nil {
			s.options.Failed(err)
		}
		return refuse(dns.RcodeServerFailure)
	case zone == nil:
		return refuse(dns.RcodeRefused)
	}
	zone.answer(m, q)
	return m
}

// zoneOf reads the zone that a name is in; nil if it is in none of ours.
func (s *Server) zoneOf(ctx context.Context, name string) (*zone, error) {
	if s.options.Reverse != nil {
		for _, origin := range []string{"in-addr.arpa.", "ip6.arpa."} {
			if dns.IsSubDomain(origin, name) {
				return reverseZone(origin, name, s.options.Reverse), nil
			}
		}
	}
	return readZone(ctx, *s.zones.Load(), name)
}
