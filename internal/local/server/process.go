package server

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// markName is the variable that every process of a server has in its environment, and hands on to its children however
// they detach themselves: by it all of them are found.
const markName = "SERVER_ROOT"

// environment is what commands and programs on the server get. SERVER_ROOT is the directory that stands for its file
// system, SERVER_ADDRESS its IPv4 address.
func (m *machine) environment() []string {
	return []string{
		"PATH=" + m.path("bin") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + m.dir, "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "LANG=C.UTF-8",
		markName + "=" + m.dir, "SERVER_ADDRESS=" + m.address,
	}
}

// command prepares a process of the server: in a group of its own, and not to outlive this program.
func (m *machine) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = m.dir, m.environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Sweep ends what a provider in dir has left behind: one that was killed could end nothing itself.
func Sweep(dir string) error { return endMarked(dir) }

// endMarked kills every process of the servers in or below dir, and returns when none is left.
func endMarked(dir string) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		left := marked(dir)
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v of %s are still there", left, dir)
		}
		for _, pid := range left {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("end process %d of %s: %w", pid, dir, err)
			}
		}
	}
}

// marked lists the processes of the servers in or below dir. One that has ended and waits for its parent to notice has
// no environment any more.
func marked(dir string) []int {
	entries, _ := os.ReadDir("/proc")
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if err != nil {
			continue
		}
		for variable := range bytes.SplitSeq(environ, []byte{0}) {
			root, ok := strings.CutPrefix(string(variable), markName+"=")
			if ok && (root == dir || strings.HasPrefix(root, dir+"/")) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
