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
	Target    Target         `json:"target"`
	Execution task.Execution `json:"execution"`
}

// Validate checks every part.
func (in ProbeInput) Validate() error {
	if err := in.Target.Validate(); err != nil {
		return err
	}
	return in.Execution.Validate()
}

// Probed is what the ports said.
type Probed struct {
	// Well: every port opened.
	Well  bool   `json:"well"`
	Ports []Port `json:"ports"`
}

// Port is one port's answer.
type Port struct {
	Port int    `json:"port"`
	Open bool   `json:"open"`
	Why  string `json:"why"` // of a port that did not open: "refused", "timeout" or "unreachable"
	// Milliseconds until the port opened, or until it was given up.
	Milliseconds int64 `json:"milliseconds"`
}

// Prober is the step ProbeVps. It asks the network only, as a mail client would; the provider may say what it likes.
type Prober struct {
	Network Network
	Now     func() time.Time
}

// Probe opens every port that a mail client needs, all at once. Port 25 is not among them: it cannot be reached from
// AWS. A closed port is an answer and no fault.
func (p Prober) Probe(ctx context.Context, in ProbeInput) (Probed, error) {
	return p.Knock(ctx, in.Target), nil
}

// Knock is Probe for whoever works for no execution.
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
