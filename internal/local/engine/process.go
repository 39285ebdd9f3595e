package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	processes "github.com/penguinmails/disaster-recovery/internal/local/process"
)

// ErrNotRunning is what Attach answers when there is no engine to attach to.
var ErrNotRunning = errors.New("no local AWS engine is running")

// grace is how long an engine may take to end when asked; ministack takes up to three seconds for open connections.
const grace = 8 * time.Second

// process names one process for good: its id alone is given away again when it ends.
type process struct {
	PID   int    `json:"pid"`
	Start string `json:"start"` // boot id and clock ticks from boot to its start, proc(5)
}

// record is Dir/engine.json, by which a later process finds the engine.
type record struct {
	Endpoint string `json:"endpoint"`
	process
}

func (e *Engine) save() error {
	data, err := json.Marshal(record{e.Endpoint, e.process})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(e.Dir, "engine.json"), data, 0o600)
}

// Attach finds the engine that an earlier process started in dir. It returns ErrNotRunning if it has ended since, also
// when another process has its id now.
func Attach(dir string) (*Engine, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("attach to local AWS engine: %w", err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "engine.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrNotRunning
	}
	if err != nil {
		return nil, fmt.Errorf("attach to local AWS engine: %w", err)
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("attach to local AWS engine: %s: %w", dir, err)
	}
	if !r.alive() {
		return nil, ErrNotRunning
	}
	return &Engine{Endpoint: r.Endpoint, Dir: dir, process: r.process}, nil
}

// Stop ends the engine and every function it runs, gently first, and returns when no process of its group is left. To
// stop an engine that has ended is no error.
func (e *Engine) Stop() error {
	pid := e.process.PID
	if now, err := find(pid); err == nil && now != e.process {
		return e.forget() // it ended long ago, and its id is someone else's
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(-pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop local AWS engine: %w", err)
		}
		if e.gone(pid) {
			return e.forget()
		}
	}
	return fmt.Errorf("stop local AWS engine: processes %v are still there", group(pid))
}

// kill ends an engine that has not come up.
func (e *Engine) kill(pid int) error {
	_ = syscall.Kill(-pid, syscall.SIGKILL)
	if !e.gone(pid) {
		return fmt.Errorf("processes %v are still there", group(pid))
	}
	return e.forget()
}

func (e *Engine) forget() error {
	if e.input != nil {
		_ = e.input.Close()
	}
	err := os.Remove(filepath.Join(e.Dir, "engine.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// gone waits for the group to empty and tells whether it did within the grace.
func (e *Engine) gone(pid int) bool {
	for deadline := time.Now().Add(grace); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if len(group(pid)) == 0 {
			if e.exited != nil {
				<-e.exited
			}
			return true
		}
	}
	return false
}

func find(pid int) (process, error) {
	_, start, err := stat(pid)
	if err != nil {
		return process{}, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return process{}, err
	}
	return process{pid, strings.TrimSpace(string(boot)) + "/" + start}, nil
}

func (p process) alive() bool {
	now, err := find(p.PID)
	return err == nil && now == p
}

// group lists the processes of a process group, save those that have ended and wait for their parent to notice.
func group(id int) []int { return slices.Collect(members(id)) }

// members are the processes of a group, those with the highest ids, which are mostly the youngest, first.
func members(id int) iter.Seq[int] {
	return func(yield func(int) bool) {
		entries, _ := os.ReadDir("/proc")
		var pids []int
		for _, entry := range entries {
			if pid, err := strconv.Atoi(entry.Name()); err == nil {
				pids = append(pids, pid)
			}
		}
		slices.SortFunc(pids, func(a, b int) int { return b - a })
		for _, pid := range pids {
			if pgrp, _, err := stat(pid); err == nil && pgrp == id && !yield(pid) {
				return
			}
		}
	}
}

// stat reads the group and the start time of a process that has not ended.
func stat(pid int) (pgrp int, start string, err error) {
	fields, err := processes.Stat(pid)
	if err != nil {
		return 0, "", err
	}
	if processes.Ended(fields) {
		return 0, "", processes.ErrGone
	}
	pgrp, err = strconv.Atoi(fields[processes.Group])
	return pgrp, fields[processes.Started], err
}
