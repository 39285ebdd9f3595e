package server

import (
	"net"
	"net/http"
	"net/netip"
	"os"

	"github.com/hetznercloud/hcloud-go/v2/hcloud/schema"
)

func (p *Provider) actOnServer(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.machines[pathID(r)]
	if m == nil {
		return nil, &notFound
	}
	command := r.PathValue("command")
	// Power off comes through whatever else is under way, or a server that never boots could not be stopped.
	if command != "poweroff" && p.busy(onServer(m.id)) {
		return nil, &locked
	}
	var work func() error
	switch command {
	case "poweron":
		plan := p.planBoot(m)
		work = func() error { return m.boot(plan) }
	case "poweroff", "shutdown":
		m.cutBoot()
		m.set(statusStopping)
		command = map[string]string{"poweroff": "stop_server", "shutdown": "shutdown_server"}[command]
		work = m.powerOff
	case "reboot", "reset":
		plan := p.planBoot(m)
		command += "_server"
		work = func() error { return m.reboot(plan) }
	case "change_dns_ptr":
		if trouble := p.changePtr(r, m); trouble != nil {
			return nil, trouble
		}
		work = func() error { return nil }
	case "change_protection":
		if trouble := changeProtection(r, m); trouble != nil {
			return nil, trouble
		}
		work = func() error { return nil }
	default:
		return nil, &notFound
	}
	if command == "poweron" {
		command = "start_server"
	}
	return schema.ServerActionPoweronResponse{Action: p.begin(command, work, onServer(m.id))}, nil
}

// changePtr is called with p.mu held.
func (p *Provider) changePtr(r *http.Request, m *machine) *problem {
	body, trouble := decode[schema.ServerActionChangeDNSPtrRequest](r)
	if trouble != nil {
		return trouble
	}
	if ip := net.ParseIP(body.IP); ip == nil || ip.String() != m.address {
		no := invalid("ip does not belong to the server")
		return &no
	}
	if body.DNSPtr == nil {
		m.ptr = defaultPtr(m.address)
		return nil
	}
	if !hostName.MatchString(*body.DNSPtr) {
		no := invalid("invalid input in field 'dns_ptr'")
		return &no
	}
	if !p.faults.PtrIgnored {
		m.ptr = *body.DNSPtr
	}
	return nil
}

func changeProtection(r *http.Request, m *machine) *problem {
	body, trouble := decode[schema.ServerActionChangeProtectionRequest](r)
	if trouble != nil {
		return trouble
	}
	if body.Delete == nil || body.Rebuild == nil || *body.Delete != *body.Rebuild {
		no := invalid("delete and rebuild protection must have the same value")
		return &no
	}
	m.kept = *body.Delete
	return nil
}

// Reverse is the name that the PTR record of a server's address gives; empty for an address that no server has.
func (p *Provider) Reverse(address netip.Addr) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.machines {
		if m.address == address.String() {
			return m.ptr
		}
	}
	return ""
}

func (p *Provider) deleteServer(r *http.Request) (any, *problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.machines[pathID(r)]
	if m == nil || m.state() == statusDeleting {
		return nil, &notFound
	}
	if m.kept {
		return nil, &protected
	}
	m.cutBoot()
	m.set(statusDeleting)
	return schema.ServerDeleteResponse{Action: p.begin("delete_server", func() error { return p.destroy(m) }, onServer(m.id))}, nil
}

func (p *Provider) destroy(m *machine) error {
	m.operation.Lock()
	defer m.operation.Unlock()
	if err := m.off(); err != nil {
		return err
	}
	p.mu.Lock()
	for _, id := range m.volumes {
		p.volumes[id].unplug(p, m)
	}
	delete(p.machines, m.id)
	p.mu.Unlock()
	m.release()
	return os.RemoveAll(m.dir)
}
