package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
)

// KillFunction ends every process of a function at once, as the end of its sandbox does: an invocation that is under way
// ends as Runtime.ExitError. It returns when they have gone, and is an error where there was none.
func (e *Engine) KillFunction(name string) error {
	killed := false
	for _, pid := range group(e.process.PID) {
		if pid == e.process.PID || functionOf(pid) != name {
			continue
		}
		if err := end(pid); err != nil {
			return fmt.Errorf("kill function %s: %w", name, err)
		}
		killed = true
	}
	if !killed {
		return fmt.Errorf("kill function %s: it has no process", name)
	}
	return nil
}

// KillCaller ends the one process of a function that has a connection, named as for Caller; others of the same function
// live on.
func (e *Engine) KillCaller(theirs, other netip.AddrPort) error {
	pid := e.holder(theirs, other)
	if pid == 0 {
		return fmt.Errorf("kill the caller at %s: it is no function", theirs)
	}
	if err := end(pid); err != nil {
		return fmt.Errorf("kill the caller at %s: %w", theirs, err)
	}
	return nil
}

// end kills a process and returns when it has gone.
func end(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	for deadline := time.Now().Add(grace); ; time.Sleep(time.Millisecond) {
		if _, _, err := stat(pid); err != nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d is still there", pid)
		}
	}
}

// Caller is the function that has a connection, named by the function's own end of it and the other; empty if that is no
// function of ours.
func (e *Engine) Caller(theirs, other netip.AddrPort) string {
	if pid := e.holder(theirs, other); pid != 0 {
		return functionOf(pid)
	}
	return ""
}

// holder is the process of the engine's group that has a connection; 0 where there is none. It is asked for every new
// connection, and mostly new processes make those: they are looked at first.
func (e *Engine) holder(theirs, other netip.AddrPort) int {
	inode := socketOf(theirs, other)
	if inode == "" {
		return 0
	}
	for pid := range members(e.process.PID) {
		if pid != e.process.PID && holds(pid, inode) {
			return pid
		}
	}
	return 0
}

// functionOf is the name of the function that runs as pid; empty for any other process.
func functionOf(pid int) string {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return ""
	}
	for variable := range strings.SplitSeq(string(environ), "\x00") {
		if name, ok := strings.CutPrefix(variable, "AWS_LAMBDA_FUNCTION_NAME="); ok {
			return name
		}
	}
	return ""
}

// socketOf is the inode of the IPv4 socket with this local and this remote address, from /proc/net/tcp (proc(5)): they are
// the second and the third field, the inode is the tenth. A port may be used towards several addresses at once.
func socketOf(local, remote netip.AddrPort) string {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return ""
	}
	from, to := inTable(local), inTable(remote)
	for line := range bytes.Lines(table) {
		if fields := bytes.Fields(line); len(fields) > 9 && string(fields[1]) == from && string(fields[2]) == to {
			return string(fields[9])
		}
	}
	return ""
}

// inTable writes an IPv4 address as /proc/net/tcp does: in hexadecimal, and in the machine's byte order.
func inTable(a netip.AddrPort) string {
	ip := a.Addr().Unmap()
	if !ip.Is4() {
		return ""
	}
	bytes := ip.As4()
	return fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(bytes[:]), a.Port())
}

// holds reports whether the process has the socket open.
func holds(pid int, inode string) bool {
	descriptors := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, _ := os.ReadDir(descriptors)
	for _, entry := range entries {
		if to, err := os.Readlink(descriptors + entry.Name()); err == nil && to == "socket:["+inode+"]" {
			return true
		}
	}
	return false
}
