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

	"github.com/penguinmails/disaster-recovery/internal/local/process"
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

// endMarked kills every process of the servers in or below dir, and returns when none is left. It takes two looks in a row
// that find none: a process that ends while /proc is read may have left a child that was not on the list yet.
func endMarked(dir string) error {
	for deadline, quiet := time.Now().Add(10*time.Second), 0; quiet < 2; {
		left, settled := marked(dir)
		if quiet++; len(left) > 0 || !settled {
			quiet = 0
		}
		if quiet == 0 && time.Now().After(deadline) {
			return fmt.Errorf("processes %v of %s are still there, or others cannot be told from them", left, dir)
		}
		for _, pid := range left {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("end process %d of %s: %w", pid, dir, err)
			}
		}
		if len(left) > 0 {
			time.Sleep(5 * time.Millisecond) // they take a moment to end
		}
	}
	return nil
}

// marked lists the processes of the servers in or below dir. settled is false if a process could not be told: one that is
// just becoming another program (execve) has no environment for a moment.
func marked(dir string) (pids []int, settled bool) {
	entries, _ := os.ReadDir("/proc")
	settled = true
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if err != nil {
			continue
		}
		if len(environ) == 0 && executing(pid) {
			settled = false
		}
		for variable := range bytes.SplitSeq(environ, []byte{0}) {
			root, ok := strings.CutPrefix(string(variable), markName+"=")
			if ok && (root == dir || strings.HasPrefix(root, dir+"/")) {
				pids = append(pids, pid)
			}
		}
	}
	return pids, settled
}

// executing tells a process without an environment that is, or was until now, becoming another program from one that lives
// without, from one that has ended and waits for its parent to notice, and from a thread of the kernel.
func executing(pid int) bool {
	stat, err := process.Stat(pid)
	if err != nil || process.Ended(stat) || stat[process.MemorySize] == "0" {
		return false
	}
	return stat[process.EnvironTo] == "0" || stat[process.EnvironFrom] != stat[process.EnvironTo]
}
