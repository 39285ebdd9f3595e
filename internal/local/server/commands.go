package server

import "slices"

// Commands are the command lines that came over SSH, to any server, oldest first: what the servers' lists of processes
// have shown, and their shells may have kept.
func (p *Provider) Commands() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.commands)
}

func (p *Provider) noteCommand(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commands = append(p.commands, line)
}
