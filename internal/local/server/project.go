package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// project is a compose project that was brought up: one program, started again when it ends of itself if its services
// say so, as docker does.
type project struct {
	composition
	start  func() (*exec.Cmd, error)
	ending chan syscall.Signal
	ended  chan struct{}
	alive  atomic.Bool
}

const (
	restartAfter = 500 * time.Millisecond // docker waits 100 ms at first, and longer each time
	stopGrace    = 5 * time.Second        // between SIGTERM and SIGKILL; docker's 10 s would be long here
)

// up starts the program of a project unless it runs, and starts it anew if that is wanted or the project's files have
// changed since.
func (e *engine) up(dir string, anew bool) (done string, err error) {
	c, err := e.read(dir)
	if err != nil {
		return "", err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if p := e.projects[dir]; p != nil {
		if !anew && p.print == c.print && p.alive.Load() {
			return "Running", nil
		}
		p.end(syscall.SIGTERM)
		delete(e.projects, dir)
	}
	p := &project{composition: c, ending: make(chan syscall.Signal, 1), ended: make(chan struct{}), start: func() (*exec.Cmd, error) { return e.launch(dir) }}
	first, err := p.start()
	if err != nil {
		return "", err
	}
	p.alive.Store(true)
	go p.watch(first)
	e.projects[dir] = p
	e.m.want(dir, c.restarts)
	return "Started", nil
}

// end stops the program of a project, and returns when it has ended.
func (e *engine) end(dir string, signal syscall.Signal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p := e.projects[dir]; p != nil {
		p.end(signal)
		delete(e.projects, dir)
	}
	e.m.want(dir, false)
}

func (e *engine) running(dir string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := e.projects[dir]
	return p != nil && p.alive.Load()
}

// want notes whether a project starts at the next boot.
func (m *machine) want(dir string, restarts bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wanted[dir] = restarts
}

func (e *engine) logFile(dir string) string {
	return e.m.path("var/log/" + filepath.Base(dir) + ".log")
}

func (e *engine) launch(dir string) (*exec.Cmd, error) {
	if e.m.program == "" {
		return nil, fmt.Errorf("there is no program for %s", filepath.Base(dir))
	}
	log, err := os.OpenFile(e.logFile(dir), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := e.m.command(e.m.program, "-project", dir)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	return cmd, cmd.Start()
}

// watch waits for the program, and starts it again until it is told to end.
func (p *project) watch(cmd *exec.Cmd) {
	defer close(p.ended)
	defer p.alive.Store(false)
	for {
		exited := make(chan struct{})
		go func() {
			_ = cmd.Wait()
			close(exited)
		}()
		select {
		case signal := <-p.ending:
			_ = syscall.Kill(-cmd.Process.Pid, signal)
			select {
			case <-exited:
			case <-time.After(stopGrace):
			}
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its children too
			<-exited
			return
		case <-exited:
			p.alive.Store(false)
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it started ends with it, as in a container
		}
		if !p.restarts {
			return
		}
		select {
		case <-p.ending:
			return
		case <-time.After(restartAfter):
		}
		next, err := p.start()
		if err != nil {
			return
		}
		cmd = next
		p.alive.Store(true)
	}
}

// end tells the program to end and waits for it.
func (p *project) end(signal syscall.Signal) {
	p.ending <- signal
	<-p.ended
}
