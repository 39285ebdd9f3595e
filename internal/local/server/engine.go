package server

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// engine is what stands for docker and systemd on a machine that is on. Commands on the server reach it through a named
// pipe; what it starts are processes of ours, so that they end with the power and not with the command.
type engine struct {
	m     *machine
	calls *os.File
	done  chan struct{}

	mu       sync.Mutex
	projects map[string]*project // by directory; those that were brought up
}

// startEngine begins to take calls, and starts again what was up when the power went and says `restart: always`.
func (m *machine) startEngine() (*engine, error) {
	calls, err := os.OpenFile(m.path(engineDir+"/calls"), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	e := &engine{m: m, calls: calls, done: make(chan struct{}), projects: map[string]*project{}}
	go e.take()
	m.mu.Lock()
	var dirs []string
	for dir, restarts := range m.wanted {
		if restarts {
			dirs = append(dirs, dir)
		}
	}
	m.mu.Unlock()
	for _, dir := range dirs {
		if _, err := e.up(dir, false); err != nil {
			m.logf("server %d: %v", m.id, err)
		}
	}
	return e, nil
}

// stop ends every program at once, as the loss of power does.
func (e *engine) stop() {
	_ = e.calls.Close()
	<-e.done
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.projects {
		p.end(syscall.SIGKILL)
	}
}

func (e *engine) take() {
	defer close(e.done)
	var answers sync.WaitGroup
	defer answers.Wait()
	for lines := bufio.NewScanner(e.calls); lines.Scan(); {
		call := filepath.Join(e.m.path(engineDir), filepath.Base(lines.Text()))
		answers.Go(func() { e.serve(call) })
	}
}

// serve answers one call: the script in `answer` first, then a line in the pipe `done`. A caller that is gone has
// nobody at the other end of it.
func (e *engine) serve(call string) {
	data, err := os.ReadFile(filepath.Join(call, "words"))
	if err != nil {
		return
	}
	words := strings.Split(string(bytes.TrimSuffix(data, []byte{0})), "\x00")
	if len(words) < 2 {
		return
	}
	answer := e.answer(words[0], words[1], words[2:])
	if err := os.WriteFile(filepath.Join(call, "answer"), []byte(answer), 0o600); err != nil {
		e.m.logf("server %d: %v", e.m.id, err)
	}
	done, err := os.OpenFile(filepath.Join(call, "done"), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer done.Close()
	_, _ = done.WriteString("answered\n")
}

// answer is the script that the caller of `docker` or `systemctl`, in the directory dir, has to run.
func (e *engine) answer(dir, name string, words []string) string {
	if name == "systemctl" {
		return e.systemctl(words)
	}
	if len(words) > 0 && words[0] == "compose" {
		return e.compose(dir, words[1:])
	}
	if len(words) > 0 && (words[0] == "version" || words[0] == "--version" || words[0] == "info") {
		return says("Docker version 27.3.1, build ce12230")
	}
	return fails(125, "docker: unknown command: docker "+strings.Join(words, " "))
}

// systemctl knows the services that a server here has, and takes those whose unit files were written for running.
func (e *engine) systemctl(words []string) string {
	var verb, unit string
	for _, word := range words {
		switch {
		case strings.HasPrefix(word, "-"):
		case verb == "":
			verb = word
		default:
			unit = strings.TrimSuffix(word, ".service")
		}
	}
	_, err := os.Stat(e.m.path("etc/systemd/system/" + unit + ".service"))
	switch {
	case verb == "daemon-reload" || unit != "" && err == nil:
	case unit != "ssh" && unit != "sshd" && unit != "docker":
		return fails(5, "Unit "+unit+".service not found.")
	case verb == "is-active":
		return says("active")
	case (verb == "restart" || verb == "reload" || verb == "try-restart") && unit != "docker":
		if err := e.m.reloadHostKey(); err != nil {
			return fails(1, "Job for ssh.service failed: "+err.Error())
		}
	}
	return ""
}

// says is a script that prints text and succeeds; fails one that complains and does not.
func says(text string) string { return "printf '%s\\n' " + quote(text) }

func fails(code int, text string) string {
	return "printf '%s\\n' " + quote(text) + " >&2; exit " + itoa(code)
}

// quote makes one word for the shell.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
