package mailu

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/fault"
	"github.com/penguinmails/disaster-recovery/internal/remote"
	"github.com/penguinmails/disaster-recovery/internal/task"
)

// OutboundInput asks whether a server can send mail out.
type OutboundInput struct {
	TenantID  string         `json:"tenant_id"`
	Server    Server         `json:"server"`
	Execution task.Execution `json:"execution"`
}

// Validate checks every part.
func (in OutboundInput) Validate() error {
	if in.TenantID == "" {
		return errors.New("tenant_id is missing")
	}
	if err := in.Server.Validate(); err != nil {
		return err
	}
	return in.Execution.Validate()
}

// Way is whether mail gets through.
type Way string

// The ways that there are.
const (
	WayOpen   Way = "open"
	WayClosed Way = "closed"
)

// Outbound is what was found.
type Outbound struct {
	Port25 Way `json:"port_25"`
}

// Prober is the step ProbeOutbound. It is a step of its own beside VerifyMailu because that one is a mail client, which
// has no login on the server, and because what it finds may fail.
type Prober struct {
	Login Login
	// Exchanger is the host:port of a mail server somewhere in the world.
	Exchanger string
	// Patience is how long a connection may take.
	Patience time.Duration
}

// NewProber checks the address; one that cannot be dialled is InvalidConfiguration.
func NewProber(login Login, exchanger string) (Prober, error) {
	if host, port, err := net.SplitHostPort(exchanger); err != nil || host == "" || port == "" {
		return Prober{}, fault.InvalidConfiguration.Tellf("OUTBOUND_PROBE is not host:port")
	}
	return Prober{Login: login, Exchanger: exchanger, Patience: 15 * time.Second}, nil
}

// Probe opens a connection to another mail server from this one. Providers of servers keep port 25 closed until they are
// asked: that is an answer and no fault, because mail still comes in, and what goes out waits in the server's queue.
func (p Prober) Probe(ctx context.Context, in OutboundInput) (Outbound, error) {
	secrets, logout, err := p.Login(ctx)
	if err != nil {
		return Outbound{}, err
	}
	defer logout()
	key, err := sshKey(ctx, secrets, in.TenantID)
	if err != nil {
		return Outbound{}, err
	}
	session, err := remote.Dial(ctx, in.Server.ssh(), sshUser, key, in.Server.HostKey)
	if err != nil {
		return Outbound{}, err
	}
	defer session.Close()
	open, err := session.Reaches(ctx, p.Exchanger, p.Patience)
	if err != nil {
		return Outbound{}, err
	}
	if !open {
		slog.WarnContext(ctx, "the server cannot send mail out", "tried", p.Exchanger)
		return Outbound{Port25: WayClosed}, nil
	}
	return Outbound{Port25: WayOpen}, nil
}
