// Package server is a server provider on one machine: the part of the Hetzner Cloud API that a recovery calls, so that
// the real client runs unchanged against it, and servers that one can log in to.
//
// A server is a directory, an address 127.0.0.N of its own, an SSH daemon on it, and a `docker compose` that starts and
// stops one program per project: the mail server's stand-in. Power off ends all of it, as in life: connections break
// and new ones are refused. What can go wrong in life is asked for by Faults.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say where the provider lives.
type Options struct {
	Dir     string    // of all servers and volumes
	Token   string    // that the API asks for; empty takes any
	Listen  string    // address of the API; empty means a free port of 127.0.0.1
	Control string    // address of the control endpoint; empty means a free port of 127.0.0.1
	SSHPort int       // of the servers; 0 means 22, which only root may listen on
	Program string    // started as `PROGRAM -project DIR` for a compose project
	Log     io.Writer // nil discards
	// Dial connects a tunnel through a server's SSH to one of that server's ports; nil connects it directly.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// Provider is a running one.
type Provider struct {
	o        Options
	log      *log.Logger
	api      *http.Server
	control  *http.Server
	endpoint string
	steering string
	stopped  chan struct{}
	serving  sync.WaitGroup // the API and the control endpoint

	mu       sync.Mutex // guards what follows, and no call that waits is made under it
	lastID   int64
	machines map[int64]*machine
	volumes  map[int64]*volume
	keys     map[int64]*sshKey
	actions  map[int64]*action
	faults   Faults
	commands []string
	work     sync.WaitGroup // actions under way
}

// Start starts the provider without servers. Processes that an earlier provider in the same Dir left behind are ended.
func Start(ctx context.Context, o Options) (*Provider, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("start local server provider: %w", err)
	}
	if strings.ContainsAny(dir, " \t\n'\"`$\\:;&|<>()*?[#~") {
		return nil, fmt.Errorf("start local server provider: the shell of a server could not name %s", dir)
	}
	o.Dir = dir
	if o.SSHPort == 0 {
		o.SSHPort = 22
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Dial == nil {
		o.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	for _, sub := range []string{"servers", "volumes"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("start local server provider: %w", err)
		}
	}
	if err := endMarked(dir); err != nil {
		return nil, fmt.Errorf("start local server provider: %w", err)
	}
	p := &Provider{
		o: o, log: log.New(o.Log, "", log.LstdFlags|log.LUTC), stopped: make(chan struct{}), lastID: idOf(time.Now()),
		machines: map[int64]*machine{}, volumes: map[int64]*volume{}, keys: map[int64]*sshKey{}, actions: map[int64]*action{},
	}
	p.api = &http.Server{Handler: p.troubled(p.routes()), ErrorLog: log.New(io.Discard, "", 0)}
	p.control = &http.Server{Handler: p.controls(), ErrorLog: log.New(io.Discard, "", 0)}
	if p.endpoint, err = p.serve(ctx, p.api, o.Listen); err == nil {
		p.steering, err = p.serve(ctx, p.control, o.Control)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start local server provider: %w", err), p.Stop())
	}
	p.endpoint += "/v1"
	return p, nil
}

// idOf makes ids of a later provider in the same Dir differ from those of an earlier one: directories are named by them.
func idOf(t time.Time) int64 { return t.Unix() % 1e8 * 1000 }

func (p *Provider) serve(ctx context.Context, s *http.Server, address string) (string, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("%s is not a loopback address", address)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	p.serving.Go(func() { _ = s.Serve(listener) })
	return "http://" + listener.Addr().String(), nil
}

// Endpoint is the base URL for the client, `http://127.0.0.1:PORT/v1`.
func (p *Provider) Endpoint() string { return p.endpoint }

// ControlURL is the base URL of the control endpoint; see Control for a client of it.
func (p *Provider) ControlURL() string { return p.steering }

// Stop ends every server and the provider. When it returns no process of theirs is left; files stay.
func (p *Provider) Stop() error {
	p.mu.Lock()
	select {
	case <-p.stopped:
	default:
		close(p.stopped)
	}
	machines := make([]*machine, 0, len(p.machines))
	for _, m := range p.machines {
		machines = append(machines, m)
	}
	p.mu.Unlock()
	err := errors.Join(p.api.Close(), p.control.Close())
	p.serving.Wait() // a server that was closed before it knew its listener closes that now
	for _, m := range machines {
		m.cutBoot() // an action that waits for it ends
	}
	p.work.Wait()
	for _, m := range machines {
		m.operation.Lock()
		err = errors.Join(err, m.off())
		m.release()
		m.operation.Unlock()
	}
	return errors.Join(err, endMarked(p.o.Dir))
}

// newID is called with p.mu held.
func (p *Provider) newID() int64 { p.lastID++; return p.lastID }

func (p *Provider) serverDir(id int64) string {
	return filepath.Join(p.o.Dir, "servers", strconv.FormatInt(id, 10))
}

func (p *Provider) volumeDir(id int64) string {
	return filepath.Join(p.o.Dir, "volumes", strconv.FormatInt(id, 10))
}
