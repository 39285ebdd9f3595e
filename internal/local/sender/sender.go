// Package sender is another mail server somewhere in the world. It has mail for a tenant: it finds the tenant's server by
// the MX in DNS, delivers at port 25, and keeps what it cannot deliver and tries again until it can, as mail servers do.
// It also listens itself, so that a tenant's server has somebody to try a connection to.
package sender

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Name is the server's host name, of those that stand for no host (RFC 2606).
const Name = "mx.sender.example"

// Address is where it listens. It is not 127.0.0.1: that is, on every server of a tenant's, the server itself.
const Address = "127.0.0.5"

// Options say where the sender finds the world.
type Options struct {
	// Resolver is the host:port of the name server to ask.
	Resolver string
	// Again is the time between two attempts; 0 means a second. In life it is minutes.
	Again time.Duration
	// Port is where mail is delivered; 0 means 25.
	Port int
}

// Sender is a running one.
type Sender struct {
	// Addr is the host:port at which it listens.
	Addr string

	options Options
	ctx     context.Context // of every attempt
	cancel  context.CancelFunc
	queue   sync.WaitGroup
	server  *smtp.Server
	listens net.Listener
	served  chan error
}

// Start starts a sender with an empty queue, listening at a free port of its address.
func Start(o Options) (*Sender, error) {
	if o.Again == 0 {
		o.Again = time.Second
	}
	if o.Port == 0 {
		o.Port = 25
	}
	listener, err := net.Listen("tcp", Address+":0")
	if err != nil {
		return nil, fmt.Errorf("start the other mail server: %w", err)
	}
	s := &Sender{Addr: listener.Addr().String(), options: o, listens: listener, served: make(chan error, 1), server: smtp.NewServer(doorman{})}
	s.server.Domain, s.server.ErrorLog = Name, log.New(io.Discard, "", 0)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go func() { s.served <- s.server.Serve(listener) }()
	return s, nil
}

// Stop ends the sender; what it could not deliver by then is lost.
func (s *Sender) Stop() error {
	s.cancel()
	s.queue.Wait()
	err := s.server.Close()
	_ = s.listens.Close() // the server does not know it yet when it was stopped at once
	if served := <-s.served; !errors.Is(served, net.ErrClosed) && !errors.Is(served, smtp.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// doorman greets whoever connects, and takes no mail: nobody has a mailbox here.
type doorman struct{}

func (doorman) NewSession(*smtp.Conn) (smtp.Session, error) { return doorman{}, nil }

func (doorman) Mail(string, *smtp.MailOptions) error { return nil }

func (doorman) Rcpt(string, *smtp.RcptOptions) error {
	return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here"}
}

func (doorman) Data(io.Reader) error { return errors.New("nobody to deliver to") }
func (doorman) Reset()               {}
func (doorman) Logout() error        { return nil }
