// Package process takes hold of processes of this machine that another process may have started: it tells them apart by
// /proc and pidfds, and ends them gently first. Linux only.
package process

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Process names one process of this machine. The kernel uses pids again, so the pid alone might name a stranger by the
// time somebody signals it; the start time tells them apart.
type Process struct {
	PID       int    `json:"pid"`
	StartTime uint64 `json:"start_time"` // clock ticks since boot
}

// ErrGone says that the process has ended; its pid may belong to another one by now.
var ErrGone = errors.New("the process has ended")

// Identify names the process that has the pid now.
func Identify(pid int) (Process, error) {
	start, err := startTime(pid)
	return Process{PID: pid, StartTime: start}, err
}

func startTime(pid int) (uint64, error) {
	stat, err := Stat(pid)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(stat[Started], 10, 64)
}

// open returns a pidfd. It goes on meaning this process even if the pid is used again, so checking the start time once
// after opening is enough.
func (p Process) open() (pidfd int, err error) {
	if p.PID <= 0 {
		return -1, ErrGone
	}
	pidfd, err = unix.PidfdOpen(p.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, ErrGone
	}
	if err != nil {
		return -1, fmt.Errorf("open process %d: %w", p.PID, err)
	}
	start, err := startTime(p.PID)
	if err == nil && start != p.StartTime {
		err = ErrGone
	}
	if err != nil {
		_ = unix.Close(pidfd)
		return -1, err
	}
	return pidfd, nil
}

// Running reports whether the process, and not only its pid, is there. A process that ended and was not yet collected
// by its parent does not count.
func (p Process) Running() bool {
	pidfd, err := p.open()
	if err != nil {
		return false
	}
	defer unix.Close(pidfd)
	ended, err := ended(pidfd, 0)
	return err == nil && !ended
}

// End sends the signal and waits until the process has ended, up to the given time; then it kills it. Ending a process
// that has ended already is no error.
func (p Process) End(signal unix.Signal, within time.Duration) error {
	pidfd, err := p.open()
	if errors.Is(err, ErrGone) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	for _, step := range []struct {
		signal unix.Signal
		within time.Duration
	}{{signal, within}, {unix.SIGKILL, killGrace}} {
		err := unix.PidfdSendSignal(pidfd, step.signal, nil, 0)
		if err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("signal process %d: %w", p.PID, err)
		}
		if ended, err := ended(pidfd, step.within); ended || err != nil {
			return err
		}
	}
	return fmt.Errorf("process %d is still there %v after SIGKILL", p.PID, killGrace)
}

// killGrace is how long the kernel may take to end a killed process.
const killGrace = 10 * time.Second

// ended waits up to the given time for the process and all its threads to end: a pidfd becomes readable then.
func ended(pidfd int, within time.Duration) (bool, error) {
	deadline := time.Now().Add(within)
	for {
		left := max(0, time.Until(deadline).Milliseconds())
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, int(left))
		if !errors.Is(err, unix.EINTR) {
			return n > 0, err
		}
	}
}
