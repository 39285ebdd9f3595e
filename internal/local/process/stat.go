package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// The fields of /proc/PID/stat, as proc_pid_stat(5) numbers them.
const (
	State       = 3
	Group       = 5
	UserTime    = 14 // clock ticks
	SystemTime  = 15 // clock ticks
	Started     = 22 // clock ticks since boot
	MemorySize  = 23 // 0 for a thread of the kernel, and for a process that is ending
	EnvironFrom = 50 // 0 while execve is under way, as EnvironTo, which it sets last
	EnvironTo   = 51
	statFields  = 52
)

// Stat gives the fields of /proc/PID/stat, each at its number; ErrGone if there is no such process.
func Stat(pid int) ([]string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, err
	}
	// The second field is the command's name in brackets, and may itself hold blanks and brackets.
	number, rest, _ := bytes.Cut(stat, []byte(" "))
	end := bytes.LastIndexByte(rest, ')') + 1
	fields := append([]string{"", string(number), string(rest[:end])}, strings.Fields(string(rest[end:]))...)
	if len(fields) <= statFields {
		return nil, fmt.Errorf("/proc/%d/stat is cut short", pid)
	}
	return fields, nil
}

// Ended tells by its fields a process that has ended and waits for its parent to notice.
func Ended(stat []string) bool { return stat[State] == "Z" || stat[State] == "X" }
