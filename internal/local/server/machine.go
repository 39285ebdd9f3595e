package server

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// What the API says of a server.
const (
	statusInitializing = "initializing"
	statusStarting     = "starting"
	statusRunning      = "running"
	statusStopping     = "stopping"
	statusOff          = "off"
	statusDeleting     = "deleting"
)

// machine is one server.
type machine struct {
	// Set once.
	id                    int64
	kind, region, image   string
	address, dir, program string
	port                  int
	created               time.Time
	reservation           net.Listener
	dial                  func(ctx context.Context, address string) (net.Conn, error)
	logf                  func(format string, args ...any)
	note                  func(command string)
	shut                  func() bool // nothing gets out to other hosts

	// Guarded by Provider.mu.
	name    string
	labels  map[string]string
	ptr     string
	kept    bool // protected against deletion
	volumes []int64

	// operation is held while the power goes on or off, mu for a moment.
	operation sync.Mutex
	mu        sync.Mutex
	status    string
	broken    bool          // never answers again
	powered   bool          // commands may start
	cut       chan struct{} // closed to break off the boot that holds it
	daemon    *daemon       // nil when off
	engine    *engine       // nil when off
	wanted    map[string]bool
	shown     ssh.PublicKey // host key of the daemon
	firstBoot []cloudCommand
	booting   sync.WaitGroup // the commands of the first boot
}

// bootPlan is how the next boot goes.
type bootPlan struct {
	delay                      time.Duration
	never, noNetwork, otherKey bool
	cut                        chan struct{}
}

var (
	errCut     = errors.New("the boot was broken off")
	errNoPower = errors.New("the server is off")
)

// planBoot reads the faults and breaks off a boot that is under way; called with p.mu held.
func (p *Provider) planBoot(m *machine) bootPlan {
	m.cutBoot()
	plan := bootPlan{p.faults.BootDelay, p.faults.NeverBoots, p.faults.NoNetwork, p.faults.OtherHostKey, make(chan struct{})}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cut = plan.cut
	if m.status != statusInitializing {
		m.status = statusStarting
	}
	return plan
}

// cutBoot breaks off a boot that is under way.
func (m *machine) cutBoot() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cut != nil {
		close(m.cut)
		m.cut = nil
	}
}

func (m *machine) set(status string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status = status
}

func (m *machine) state() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.status
}

// boot brings the machine up, and returns when it answers or the boot was broken off.
func (m *machine) boot(plan bootPlan) error {
	m.operation.Lock()
	defer m.operation.Unlock()
	return m.up(plan)
}

func (m *machine) reboot(plan bootPlan) error {
	m.operation.Lock()
	defer m.operation.Unlock()
	if err := m.down(); err != nil {
		return err
	}
	return m.up(plan)
}

func (m *machine) powerOff() error {
	m.operation.Lock()
	defer m.operation.Unlock()
	return m.off()
}

// up is called with operation held.
func (m *machine) up(plan bootPlan) error {
	timer := time.NewTimer(plan.delay)
	defer timer.Stop()
	select {
	case <-plan.cut:
		return errCut
	case <-timer.C:
	}
	if plan.never {
		<-plan.cut
		return errCut
	}
	m.mu.Lock()
	answers := m.daemon == nil && !m.broken && !plan.noNetwork
	m.mu.Unlock()
	if answers {
		if err := m.bringUp(plan); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-plan.cut: // somebody else decides now what becomes of it
		return errCut
	default:
	}
	m.status, m.cut = statusRunning, nil
	return nil
}

func (m *machine) bringUp(plan bootPlan) error {
	m.mu.Lock()
	m.powered = true
	m.mu.Unlock()
	engine, err := m.startEngine()
	if err != nil {
		return err
	}
	daemon, err := m.startDaemon(plan.otherKey)
	if err != nil {
		engine.stop()
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.engine, m.daemon = engine, daemon
	if commands := m.firstBoot; len(commands) > 0 {
		m.firstBoot = nil
		m.booting.Go(func() { m.runCommands(commands) })
	}
	return nil
}

// launch starts a command unless the power is off: down finds what was started before, and nothing starts after.
func (m *machine) launch(cmd *exec.Cmd) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.powered {
		return errNoPower
	}
	return cmd.Start()
}

// down ends everything that runs on the machine; called with operation held.
func (m *machine) down() error {
	m.mu.Lock()
	daemon, engine := m.daemon, m.engine
	m.daemon, m.engine, m.powered = nil, nil, false
	m.mu.Unlock()
	if daemon != nil {
		daemon.stop()
	}
	if engine != nil {
		engine.stop()
	}
	defer m.booting.Wait()
	return endMarked(m.dir)
}

func (m *machine) off() error {
	if err := m.down(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.status != statusDeleting {
		m.status = statusOff
	}
	return nil
}
