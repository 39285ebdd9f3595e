package mailprobe

import (
	"context"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/penguinmails/disaster-recovery/internal/task"
)

// ProbeInput asks whether a server's ports answer.
type ProbeInput struct {
	Target Target `json:"target"`
	// ServerID is the provider's name of the server.
	ServerID string `json:"server_id"`
	// Checks counts the probes before this one since the server was rebooted.
	Checks    int            `json:"checks"`
	Execution task.Execution `json:"execution"`
}

// Validate checks every part.
func (in ProbeInput) Validate() error {
	if err := in.Target.Validate(); err != nil {
		return err
	}
	if in.ServerID == "" {
		return errors.New("server_id is missing")
	}
	return in.Execution.Validate()
}

// Probed is what the ports said.
type Probed struct {
	// Well: every port opened.
	Well  bool   `json:"well"`
	Ports []Port `json:"ports"`
	// State is what the provider says of a server that is not well: "running", "off", "gone" and so on.
	State  string `json:"state"`
	Checks int    `json:"checks"`
	// Over: after this many probes nobody believes in the reboot any more.
	Over bool `json:"over"`
}

// Port is one port's answer.
type Port struct {
	Port int    `json:"port"`
	Open bool   `json:"open"`
	Why  string `json:"why"` // of a port that did not open: "refused", "timeout" or "unreachable"
	// Milliseconds until the port opened, or until it was given up.
	Milliseconds int64 `json:"milliseconds"`
}

// Power knows what a server's provider says of it.
type Power interface {
	State(ctx context.Context, serverID string) (string, error)
}

// Prober is the step ProbeVps. Whether a server is well the network alone says, as to a mail client; the provider is asked
// about one that is not.
type Prober struct {
	Network      Network
	Power        Power
	RebootChecks int // how many probes a rebooted server has to come back
	Now          func() time.Time
}

// Probe opens every port that a mail client needs, all at once. Port 25 is not among them: it cannot be reached from
// AWS. A closed port is an answer and no fault.
func (p Prober) Probe(ctx context.Context, in ProbeInput) (Probed, error) {
	found := p.Knock(ctx, in.Target)
	found.Checks, found.Over = in.Checks+1, in.Checks+1 >= p.RebootChecks
	if found.Well {
		return found, nil
	}
	var err error
	found.State, err = p.Power.State(ctx, in.ServerID)
	return found, err
}

// Knock asks the network alone, for whoever works for no execution.
func (p Prober) Knock(ctx context.Context, t Target) Probed {
	ports := p.Network.Ports
	found := Probed{Well: true, Ports: []Port{
		{Port: ports.smtps()}, {Port: ports.submission()}, {Port: ports.imaps()}, {Port: ports.https()},
	}}
	var all sync.WaitGroup
	for i := range found.Ports {
		all.Go(func() { p.try(ctx, t, &found.Ports[i]) })
	}
	all.Wait()
	for _, port := range found.Ports {
		found.Well = found.Well && port.Open
	}
	return found
}

func (p Prober) try(ctx context.Context, t Target, port *Port) {
	started := p.Now()
	conn, err := p.Network.dial(ctx, t, port.Port)
	port.Milliseconds = p.Now().Sub(started).Milliseconds()
	if err != nil {
		port.Why = why(err)
		return
	}
	port.Open = true
	_ = conn.Close()
}

func why(err error) string {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "unreachable"
}
